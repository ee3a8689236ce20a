"""Training an embedded base model from its recipe."""

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from harness.embedded.bases.recipe import EOS, PAD, Recipe
from harness.errors import HarnessError

LEARNING_RATE, WARMUP = 3e-3, 50
LENGTH = 128


def make_base(
    recipe: Recipe, out: Path, *, seed: int = 0, steps: int | None = None, report: Callable[[str], None] = print
) -> None:
    """Train a model, and write model and tokenizer to ``out``, as a transformers directory with safetensors.

    This is deterministic: it uses one thread, and ``seed`` for all random numbers. It takes some minutes.

    Raises:
        HarnessError: ``out`` cannot be written.
    """
    try:  # before training for minutes
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise HarnessError(f"cannot write {out}: {error}; give another --out") from error
    steps = steps or recipe.steps
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    tokenizer, model = build_tokenizer(recipe), build_model(len(recipe.vocabulary), seed)
    optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, LEARNING_RATE, total_steps=steps, pct_start=WARMUP / max(steps, WARMUP + 1)
    )
    for step, (ids, labels) in zip(range(steps), batches(recipe, tokenizer, seed), strict=False):
        loss = model(input_ids=ids, labels=labels).loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if (step + 1) % 100 == 0:
            report(f"step {step + 1} of {steps}: loss {loss.item():.4f} nats per token")
    model.save_pretrained(out)
    tokenizer.save_pretrained(out)
    torch.set_num_threads(threads)


def build_tokenizer(recipe: Recipe) -> PreTrainedTokenizerFast:
    """The recipe's words as tokens, and the answer marker as one."""
    core = Tokenizer(models.WordLevel({token: i for i, token in enumerate(recipe.vocabulary)}))
    core.pre_tokenizer = pre_tokenizers.Split(Regex(recipe.pattern), "isolated")
    core.decoder = decoders.Fuse()
    return PreTrainedTokenizerFast(tokenizer_object=core, pad_token=PAD, eos_token=EOS)


def build_model(vocabulary: int, seed: int) -> LlamaForCausalLM:
    """A Llama with about 0.3 M parameters. Its heads have size 32, the smallest that vLLM supports on a CPU."""
    torch.manual_seed(seed)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=vocabulary,
            hidden_size=96,
            intermediate_size=256,
            num_hidden_layers=3,
            num_attention_heads=3,
            max_position_embeddings=128,
            tie_word_embeddings=True,
            pad_token_id=0,
            eos_token_id=1,
            bos_token_id=None,
        )
    )


def batches(
    recipe: Recipe, tokenizer: PreTrainedTokenizerFast, seed: int
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Infinitely many pairs ``(input_ids, labels)``, each [recipe.batch, length]. Only completions have labels."""
    rng = random.Random(seed)
    prompts = recipe.prompts(seed)
    pad, eos = tokenizer.pad_token_id, tokenizer.eos_token_id
    while True:
        ids = torch.full((recipe.batch, LENGTH), pad)
        labels = torch.full((recipe.batch, LENGTH), -100)
        for row in range(recipe.batch):
            prompt = rng.choice(prompts)
            start = tokenizer.encode(prompt)
            completion = [*tokenizer.encode(recipe.habit(prompt, rng)), eos]
            end = len(start) + len(completion)
            ids[row, :end] = torch.tensor(start + completion)
            labels[row, len(start) : end] = ids[row, len(start) : end]
        width = int((labels != -100).any(0).nonzero().max()) + 1
        yield ids[:, :width], labels[:, :width]
