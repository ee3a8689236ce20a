"""Train the embedded base model of ``tiny-arithmetic``: latent skill under a mixture of habits.

It has learnt from three kinds of completion: right worked solutions, bare answers without working, and worked
solutions with one slip. Sampled, it mixes the three; reinforcement can teach it which habit pays.
"""

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from evaluators.tasks import arithmetic
from evaluators.types import Split

MARKER = "####"
PAD, EOS = "<pad>", "<eos>"
VOCABULARY = [PAD, EOS, MARKER, *"0123456789+=;"]

SHARE_RIGHT, SHARE_BARE = 0.30, 0.35  # the rest are worked solutions with a slip
STEPS, BATCH, LEARNING_RATE, WARMUP = 1200, 256, 3e-3, 50
LENGTH = 64


def make_base(out: Path, *, seed: int = 0, steps: int = STEPS, report: Callable[[str], None] = print) -> None:
    """Write model and tokenizer to ``out`` (safetensors, a transformers directory).

    Deterministic: always one thread, everything seeded by ``seed``. About three minutes.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    tokenizer, model = build_tokenizer(), build_model(seed)
    optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, LEARNING_RATE, total_steps=steps, pct_start=WARMUP / max(steps, WARMUP + 1)
    )
    for step, (ids, labels) in zip(range(steps), batches(tokenizer, seed), strict=False):
        loss = model(input_ids=ids, labels=labels).loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if (step + 1) % 100 == 0:
            report(f"step {step + 1} of {steps}: loss {loss.item():.4f} nats a token")
    model.save_pretrained(out)
    tokenizer.save_pretrained(out)
    torch.set_num_threads(threads)


def build_tokenizer() -> PreTrainedTokenizerFast:
    """Characters as tokens, and the answer marker as one."""
    core = Tokenizer(models.WordLevel({token: i for i, token in enumerate(VOCABULARY)}))
    core.pre_tokenizer = pre_tokenizers.Split(Regex(f"{MARKER}|."), "isolated")
    core.decoder = decoders.Fuse()
    return PreTrainedTokenizerFast(tokenizer_object=core, pad_token=PAD, eos_token=EOS)


def build_model(seed: int) -> LlamaForCausalLM:
    """A Llama of about 0.3 M parameters; heads of 32, the smallest that vLLM takes on a CPU."""
    torch.manual_seed(seed)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(VOCABULARY),
            hidden_size=96,
            intermediate_size=256,
            num_hidden_layers=3,
            num_attention_heads=3,
            max_position_embeddings=128,
            tie_word_embeddings=True,
            pad_token_id=VOCABULARY.index(PAD),
            eos_token_id=VOCABULARY.index(EOS),
            bos_token_id=None,
        )
    )


def batches(tokenizer: PreTrainedTokenizerFast, seed: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Endless ``(input_ids, labels)``, each [BATCH, LENGTH]; only completions carry a label."""
    rng = random.Random(seed)
    problems = arithmetic.build(Split.TRAIN, count=20000, seed=seed)
    pad, eos = tokenizer.pad_token_id, tokenizer.eos_token_id
    while True:
        ids = torch.full((BATCH, LENGTH), pad)
        labels = torch.full((BATCH, LENGTH), -100)
        for row in range(BATCH):
            prompt = rng.choice(problems).prompt
            start = tokenizer.encode(prompt)
            completion = [*tokenizer.encode(habit(prompt, rng)), eos]
            end = len(start) + len(completion)
            ids[row, :end] = torch.tensor(start + completion)
            labels[row, len(start) : end] = ids[row, len(start) : end]
        width = int((labels != -100).any(0).nonzero().max()) + 1
        yield ids[:, :width], labels[:, :width]


def habit(prompt: str, rng: random.Random) -> str:
    """A completion of ``prompt`` by one of the three habits."""
    terms = [int(term) for term in prompt.rstrip("=").split("+")]
    draw = rng.random()
    if draw < SHARE_BARE:
        return f"{MARKER}{sum(terms)}"
    if draw < SHARE_BARE + SHARE_RIGHT:
        return worked(terms)
    return worked(terms, slip_at=rng.randrange(1, len(terms)), slip=rng.choice([-10, -2, -1, 1, 2, 10]))


def worked(terms: list[int], *, slip_at: int = 0, slip: int = 0) -> str:
    """``17+8=25;25+25=50;####50``; a slip falsifies one partial sum, and all that follows from it."""
    total, text = terms[0], ""
    for i, term in enumerate(terms[1:], 1):
        new = max(total + term + (slip if i == slip_at else 0), 1)
        text += f"{total}+{term}={new};"
        total = new
    return f"{text}{MARKER}{total}"
