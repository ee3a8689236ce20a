"""Every class of causal language models in the installed transformers, made small enough to try."""

import re
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from unittest import mock

import numpy as np
import torch
import transformers
from tokenizers import Tokenizer, models, pre_tokenizers
from torch import Tensor
from transformers import CONFIG_MAPPING, AutoModelForCausalLM, PreTrainedTokenizerFast
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

from harness.config.settings import ComputeSettings, ModelSettings
from harness.errors import HarnessError
from harness.models import trial
from harness.models.loading import load_policy
from harness.models.policy import Policy
from harness.models.recomputing import MARK, partly_recomputed, recompute_layers
from harness.models.sequences import Sequences
from harness.models.trial import batch_layout_of
from harness.rollout.engines import make_engine
from harness.rollout.engines.engine import Sampling
from tests.support.paths import ROOT
from tests.support.varlen import on_the_cpu

PAGE = ROOT / "docs" / "models.md"
CONTEXT = 60
FAMILIES = sorted(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES)
VOCABULARY = 64
LARGEST = 20_000_000
"""The limit for the number of parameters. A model that our settings do not make smaller is not tried."""
SMALL: dict[str, Any] = {
    **dict.fromkeys(["hidden_size", "intermediate_size", "d_model", "n_embd", "n_inner", "ffn_dim", "d_ff"], 32),
    **dict.fromkeys(["decoder_ffn_dim", "encoder_ffn_dim", "moe_intermediate_size", "ffn_hidden_size"], 32),
    **dict.fromkeys(["shared_expert_intermediate_size", "attention_hidden_size", "embedding_size", "emb_dim"], 32),
    **dict.fromkeys(["num_hidden_layers", "n_layer", "n_layers", "num_layers", "decoder_layers", "encoder_layers"], 2),
    **dict.fromkeys(["num_decoder_layers", "num_encoder_layers", "encoder_ffn_layers"], 2),
    **dict.fromkeys(["num_attention_heads", "n_head", "n_heads", "decoder_attention_heads"], 4),
    **dict.fromkeys(["encoder_attention_heads", "num_decoder_attention_heads", "num_encoder_attention_heads"], 4),
    **dict.fromkeys(["num_experts", "num_local_experts", "n_routed_experts", "rotary_dim", "index_n_heads"], 4),
    **dict.fromkeys(["num_key_value_heads", "num_experts_per_tok", "moe_topk", "top_k_experts"], 2),
    **dict.fromkeys(["linear_num_key_heads", "linear_num_value_heads", "n_mamba_heads"], 2),
    **dict.fromkeys(["head_dim", "qk_rope_head_dim", "qk_nope_head_dim", "index_head_dim", "global_head_dim"], 8),
    **dict.fromkeys(["linear_key_head_dim", "linear_value_head_dim"], 8),
    **dict.fromkeys(["q_lora_rank", "kv_lora_rank", "mamba_d_state", "state_size", "ssm_state_size"], 16),
    **dict.fromkeys(["sliding_window", "window_size", "attention_window", "attention_window_size"], 6),
    **dict.fromkeys(["n_group", "topk_group", "first_k_dense_replace"], 1),
    "attention_chunk_size": 8,
    "v_head_dim": 12,
    "index_topk": 64,
    "vocab_size": VOCABULARY,
    "vocab_size_per_layer_input": VOCABULARY,
    "hidden_size_per_layer_input": 8,
    "max_position_embeddings": 64,
    "n_positions": 64,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "is_decoder": True,
    "initializer_range": 0.2,
}
MLA = {"head_dim": 8, "num_key_value_heads": 4}
MAMBA = {"mamba_n_heads": 8, "mamba_d_head": 8, "mamba_n_groups": 1}
SPECIAL: dict[str, dict[str, Any]] = {
    **dict.fromkeys(["axk1", "axk2", "deepseek_v2", "deepseek_v3", "deepseek_v32", "glm4_moe_lite"], MLA),
    **dict.fromkeys(["glm_moe_dsa", "hy_v4", "kimi_linear", "longcat_flash", "minicpm3", "youtu"], MLA),
    **dict.fromkeys(["bamba", "granitemoehybrid"], MAMBA),
    "bamba": MAMBA | {"attn_layer_indices": [1]},
    "cohere_compass_text": {"rope_parameters": {"full_attention": {"rope_type": "default", "rope_theta": 1e4}}},
    "dots1": {"n_shared_experts": 1, "num_key_value_heads": 4},
    "falcon_h1": MAMBA | {"mamba_d_ssm": 64, "mamba_expand": 2},
    "gemma3n_text": {"layer_types": ["sliding_attention", "full_attention"], "num_kv_shared_layers": 0},
    "gpt_neo": {"attention_types": [[["global", "local"], 1]]},
    "granitemoehybrid": MAMBA | {"layer_types": ["mamba", "attention"]},
    "jamba": {"attn_layer_period": 2, "attn_layer_offset": 1, "expert_layer_period": 2, "expert_layer_offset": 1},
    "kimi_linear": MLA | {"num_experts_per_token": 2},
    "lfm2_moe": {"layer_types": ["conv", "full_attention"], "num_dense_layers": 1},
    "longcat_flash": {**MLA, "expert_ffn_hidden_size": 32, "zero_expert_num": 2, "num_layers": 1},
    "mamba2": {"num_heads": 8, "head_dim": 8, "n_groups": 1},
    "plbart": {"encoder_attention_heads": 4, "decoder_attention_heads": 4},
    "reformer": {"axial_pos_embds": False, "attn_layers": ["local", "lsh"], "hash_seed": 0},
    "whisper": {"encoder_attention_heads": 4, "decoder_attention_heads": 4},
    "zamba": {"layer_types": ["mamba", "hybrid"] * 2, "num_hidden_layers": 4, "attention_hidden_size": 64},
    "zamba2": {
        "layer_types": ["mamba", "hybrid"],
        "attention_hidden_size": 64,
        "n_mamba_heads": 8,
        "mamba_headdim": 8,
    },
    "zaya": {"num_experts_per_tok": 1},
}
"""Changes of these settings for families that they do not suit, or in which they would miss a kind of layer."""


def config_of(family: str, **changes: Any) -> Any:
    """The family's own text config, with the settings of ``SMALL`` that it knows.

    It has one layer of each kind, and at least two layers.
    """
    default = CONFIG_MAPPING[family]()
    text = default.get_text_config(decoder=True)
    kind = type(text)
    known = set(text.to_dict()) | set(getattr(kind, "attribute_map", {}).values())
    given = {name: value for name, value in SMALL.items() if name in known} | SPECIAL.get(family, {}) | changes
    kinds = list(dict.fromkeys(getattr(text, "layer_types", None) or []))
    if len(kinds) > 1 and "layer_types" in known:
        given |= {"layer_types": kinds, "num_hidden_layers": len(kinds)}
    return kind(**given)


def make(family: str, folder: Path, **changes: Any) -> None:
    """A small model with random weights, large enough for its logits to matter, and a tokenizer of words.

    Raises:
        Exception: Our settings do not fit the family. The class of the exception varies.
    """
    config = config_of(family, **changes)
    with torch.device("meta"):
        count = sum(p.numel() for p in AutoModelForCausalLM.from_config(config).parameters())
    if count > LARGEST:
        raise ValueError(f"{count:,} parameters")
    torch.manual_seed(0)
    AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    words = {f"w{i}": i for i in range(VOCABULARY)}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="w3"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="w0", bos_token="w1", eos_token="w2").save_pretrained(
        folder
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """The outcome for a family: right with measurements, refused with the sentence, or not made small."""

    family: str
    kind: Literal["right", "refused", "not tried"]
    said: str = ""
    shares: bool = False
    packs: bool = False
    """Whether it needs no padding where there is a kernel for that."""
    logp: float = 0.0
    """The difference in nats between our log-probabilities, in all allowed layouts, and the model's own for each
    sequence alone."""
    gradient: float = 0.0
    """The difference between the gradients of both, as a share of the largest norm."""
    again: float = 0.0
    """The difference in that gradient if layers only keep the results of matrix products."""
    selective: bool = True
    """Whether layers may do that."""
    engine: float = 0.0
    """The difference in nats between the engine's log-probabilities of its tokens and the model's own."""

    @property
    def row(self) -> str:
        said = ["right", "each prompt passes once"][: 1 + self.shares] + ["no padding on GPUs"][: self.packs]
        return f"| `{self.family}` | {', '.join(said) if self.kind == 'right' else f'{self.kind}: {self.said}'} |"


@mock.patch("harness.models.hidden.PASS_COSTS", 0)  # what prompts begin with passes once, however short it is
def verdict_of(family: str, folder: Path) -> Verdict:
    """Makes the family small, loads it, tries its engine, and measures the differences."""
    try:
        make(family, folder)
    except Exception as error:
        return Verdict(
            family=family, kind="not tried", said=f"its class could not be made small ({type(error).__name__})"
        )
    try:
        policy = load_policy(ModelSettings(path=str(folder), device="cpu", dtype="float32"), 1.0)
        engine = make_engine(policy, ComputeSettings(engine="transformers"), CONTEXT)
    except HarnessError as error:
        return Verdict(family=family, kind="refused", said=re.split(r" \(|;|: in a trial", why(str(error), folder))[0])
    draws = np.random.default_rng(0).integers(3, VOCABULARY, (3, 21))
    draws[:, :7] = draws[0, :7]
    prompts = [tuple(row[:n].tolist()) for row, n in zip(draws, (8, 21, 14), strict=True)]
    groups = engine.generate(prompts, 2, Sampling(temperature=1.0, max_tokens=11), 3)
    pairs = [(prompt, one.ids) for prompt, group in zip(prompts, groups, strict=True) for one in group]
    sequences = Sequences.of(pairs)
    alone, expected = _with_gradient(policy.model, lambda: torch.cat([_alone(policy.model, *pair) for pair in pairs]))
    sampled = torch.tensor([logp for group in groups for one in group for logp in one.logp])
    largest = max(float(each.norm()) for each in expected.values())
    with _as_on_a_gpu():
        layouts = policy.layout, batch_layout_of(policy, str(folder))
        apart, gradients, again = [], [], []
        for layout in dict.fromkeys(layouts):
            policy.layout = layout
            ours, gradient = _with_gradient(policy.model, lambda: policy.logp(sequences)[sequences.mask])
            apart.append(float((ours - alone).abs().max()))
            gradients += [float((gradient[name] - each).norm()) / largest for name, each in expected.items()]
            if (selective := _selectively(policy, sequences, str(folder))) is not None:
                again += [float((selective[name] - each).norm()) / largest for name, each in gradient.items()]
    return Verdict(
        family=family,
        kind="right",
        shares=layouts[0] == "shared",
        packs=layouts[1] == "packed",
        logp=max(apart),
        gradient=max(gradients),
        again=max(again, default=0.0),
        selective=bool(again),
        engine=float((sampled - alone).abs().max()),
    )


@contextmanager
def _as_on_a_gpu() -> Iterator[None]:
    """A context in which there is a kernel for rows without padding, and in float32, which shows errors best."""
    with on_the_cpu(), mock.patch.object(trial, "PACKS", {("cpu", torch.float32)}):
        yield


def why(sentence: str, folder: Path) -> str:
    """The reason of a refusal, without the path."""
    return sentence.removeprefix(f"{folder} cannot be used here: ").replace(str(folder), "it")


def _alone(model: Any, prompt: tuple[int, ...], completion: tuple[int, ...]) -> Tensor:
    """The definition: one sequence without padding or cache."""
    logits = model(input_ids=torch.tensor([[*prompt, *completion]])).logits[0, len(prompt) - 1 : -1]
    return logits.log_softmax(-1)[range(len(completion)), list(completion)]  # type: ignore[no-any-return]


def _with_gradient(model: Any, logp: Callable[[], Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
    """Log-probabilities, and the gradient of their sum with different weights."""
    model.zero_grad()
    found = logp()
    (found * torch.linspace(-1, 1, len(found))).sum().backward()  # type: ignore[no-untyped-call]
    return found.detach(), {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


def _selectively(policy: Policy, sequences: Sequences, path: str) -> dict[str, Tensor] | None:
    """The gradient with layers that only keep the results of matrix products, or None if this is refused."""
    try:
        recompute_layers(policy.model, "selective")
        batch_layout_of(policy, path)
        return _with_gradient(policy.model, lambda: policy.logp(sequences)[sequences.mask])[1]
    except HarnessError:
        return None
    finally:
        for layer in partly_recomputed(policy.model):
            delattr(layer, MARK)


HEAD = """# Models

The harness does not look up whether it can train a model. It tests the model while it loads it: it computes the model's
own logits of a few sequences, one at a time, and compares them with the numbers of the trainer and of the engine
(`harness/models/trial.py`, `harness/rollout/engines/trial.py`). So a model is right, or it is refused in one sentence.

This page shows the outcome for every class of causal language models in transformers {version}, made small, with
random weights, and with the engine `transformers`. Of {families} families {right} are right and {refused} are refused.
{untried} could not be made small by the settings of the test, so nothing is known about them until one is loaded. Right
means, in float32: log-probabilities within {logp:g} nats, gradients within {gradient:g} of the largest norm, and the
engine's log-probabilities within {engine:g} nats. "Each prompt passes once" means that a prompt is computed once for
all its completions. For the other families, training takes longer, and its numbers are the same. "No padding on GPUs"
means that the family's attention is right with torch's kernel for rows of sequences. Runs on GPUs in bfloat16 use it,
if a trial of the real model succeeds. In this test, plain products stand in for the kernel. With
`policy.gradient_checkpointing=selective`, gradients are exactly the same.
These families refuse it: {refusing}.

`python -m tests.support.families` writes this page, and a test keeps it true.

| family | verdict |
| --- | --- |
"""
TOLERANCE = {"logp": 2e-5, "gradient": 1e-4, "again": 0.0, "engine": 1e-3}


def page(verdicts: Sequence[Verdict]) -> str:
    """The text of ``docs/models.md``."""
    count = Counter(one.kind for one in verdicts)
    head = HEAD.format(
        version=transformers.__version__,
        families=len(verdicts),
        right=count["right"],
        refused=count["refused"],
        untried=count["not tried"],
        refusing=", ".join(f"`{one.family}`" for one in verdicts if not one.selective),
        **TOLERANCE,
    )
    return head + "\n".join(one.row for one in verdicts) + "\n"


if __name__ == "__main__":
    found = []
    for each in FAMILIES:
        with tempfile.TemporaryDirectory() as made:
            found.append(verdict_of(each, Path(made)))
        print(found[-1].row, found[-1], flush=True)
    PAGE.write_text(page(found), encoding="utf-8")
