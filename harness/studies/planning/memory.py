"""The memory of a run on each of its devices: bytes by item, and the phases in which each item is held."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import nn

from harness.config.optimizer import OptimizerSettings
from harness.config.run_config import RunConfig
from harness.models.policy import frozen_copy
from harness.models.token_logp import FLOAT32_ON_GPU, LOGITS_AT_ONCE, chunk_of_logits
from harness.rollout.engines.engine import kv_bytes_of
from harness.rollout.engines.vllm_engine import KV_BLOCK
from harness.studies.planning.layout import Layout, layout_of
from harness.studies.planning.parts import Parts, bytes_of, trace, units_of

GIB = 2**30
PHASES = ("sampling", "scoring", "training", "updating")
"""The phases alternate. Scoring: passes of reference or policy over new completions, while the engine is awake."""
EIGHT_BIT_FROM = 4096
"""bitsandbytes keeps the moments of smaller tensors in float32."""
EIGHT_BIT_BLOCK = 256
"""The number of elements that share one float32 scale in bitsandbytes."""
SAMPLED_LOGIT_BYTES = 20
"""Bytes per logit of the next tokens: in float32, divided by the temperature, log-probability, probability and sum."""
LOGIT_BYTES = 14
"""Bytes per logit of a pass without chunks: in the precision of the pass, in float32, softmax and gradient."""
ALLOWANCE = {"cuda": 2 * GIB, "cpu": 0.5 * GIB}
"""Bytes of the process itself. On a GPU: CUDA's context, work space of kernels, and fragmentation."""


@dataclass(frozen=True, slots=True)
class Item:
    """Bytes, and the phases in which they are held."""

    size: float
    phases: tuple[str, ...] = PHASES


@dataclass(frozen=True, kw_only=True, slots=True)
class Memory:
    """The memory of a run on one device."""

    items: Mapping[str, Item]

    def held(self, phase: str) -> dict[str, float]:
        """Bytes by item."""
        return {name: item.size for name, item in self.items.items() if phase in item.phases}

    @property
    def peak_phase(self) -> str:
        return max(PHASES, key=lambda phase: sum(self.held(phase).values()))

    @property
    def peak(self) -> float:
        return sum(self.held(self.peak_phase).values())


def memory_of(config: RunConfig, parts: Parts, layout: Layout | None = None) -> Memory:
    """The memory of a run on the device that holds the most. ``layout``: by default that of the run's settings."""
    layout = layout or layout_of(config)
    trained = parts.trained
    summed_once = layout.sharded and not layout.reshard  # before that they are whole, see below
    reference = [*parts.reference.model.parameters()] if parts.reference else []
    state = {
        "policy": Item(layout.held(parts.policy.model.parameters())),
        "reference": Item(layout.held(reference)),
        "critic": Item(layout.held(parts.critic.parameters()) if parts.critic else 0),
        "optimiser": Item(moments(layout.elements(trained), config.optimizer)),
        "previous gradients": Item(layout.held(trained) if config.optimizer.optimism else 0),
        "gradients": Item(layout.held(trained), ("updating",) if summed_once else ("training", "updating")),
        "process, fragments": Item(ALLOWANCE[config.model.device]),
    }
    return Memory(items=state | _gathered(parts, layout) | _engine(config, parts, layout) | _passes(config, parts))


def _gathered(parts: Parts, layout: Layout) -> dict[str, Item]:
    """Memory beyond the shards: whole weights during passes, and whole gradients before they are summed over devices.

    With ``reshard``, these are the weights around the layers, the current layer and the next one, and the gradients of
    one unit.
    """
    if not layout.sharded:
        return {}
    models = {"policy": parts.policy.model, "critic": parts.critic}
    models["reference"] = parts.reference.model if parts.reference else None
    at_once = {name: _at_once(model, layout) if model else 0 for name, model in models.items()}
    trained = [[p for p in module.parameters() if p.requires_grad] for module in parts.modules]
    unsummed = sum(map(bytes_of, trained))
    if layout.reshard:
        unsummed = min(unsummed, max(max(units_of(module)) for module in parts.modules))
    passes = parts.passes
    scoring = {
        "policy": bool(passes.behaviour or passes.start or passes.current or passes.mismatched),
        "reference": bool(passes.reference or passes.mismatched),
        "critic": bool(passes.critic),
    }
    scored = max((at_once[name] for name, made in scoring.items() if made), default=0)
    return {
        "weights gathered": Item(at_once["policy"] + at_once["critic"], ("training",)),
        "weights gathered to score": Item(scored, ("scoring",)),
        "gradients not yet summed": Item(unsummed, ("training",)),
    }


def _at_once(model: nn.Module, layout: Layout) -> int:
    """Bytes of the weights that a pass holds as a whole."""
    if not layout.reshard:
        return bytes_of(model.parameters())
    around, layer = units_of(model)
    return around + 2 * layer


def tokens_at_once(config: RunConfig) -> int:
    """The number of tokens of the largest micro-batch. A group is never split."""
    return max(config.compute.micro_batch_tokens, longest_group(config))


def longest_group(config: RunConfig) -> int:
    """The number of tokens of the longest group."""
    rollout = config.rollout
    return rollout.group_size * (rollout.max_prompt_tokens + rollout.max_tokens)


def moments(sizes: Sequence[int], settings: OptimizerSettings) -> float:
    """Bytes of AdamW's two moments for tensors with these numbers of elements."""
    if settings.kind == "adamw":
        return 8 * sum(sizes)
    scales = sum(2 * 4 * -(-size // EIGHT_BIT_BLOCK) for size in sizes if size >= EIGHT_BIT_FROM)
    return sum(2 * size if size >= EIGHT_BIT_FROM else 8 * size for size in sizes) + scales


def _passes(config: RunConfig, parts: Parts) -> dict[str, Item]:
    """Memory of the largest micro-batch during its passes through the models."""
    policy, tokens = parts.policy, tokens_at_once(config)
    plain = trace(policy, checkpointing=False)
    layer = tokens * plain.a_token / policy.size.layers
    kept = trace(policy, checkpointing=config.policy.gradient_checkpointing)
    in_work = layer if config.policy.gradient_checkpointing else 0.0
    scored = bool(parts.passes.reference or parts.passes.behaviour)
    converted = plain.fixed if parts.passes.behaviour else 0.0
    return {
        "a layer at work": Item(layer + converted if scored else 0, ("scoring",)),
        "activations": Item(len(parts.modules) * (tokens * kept.a_token + kept.fixed) + in_work, ("training",)),
        **_output_layer(config, parts, tokens),
    }


def _output_layer(config: RunConfig, parts: Parts, tokens: int) -> dict[str, Item]:
    """What a pass with this number of tokens holds at the output layer.

    Many logits are computed in chunks, and only one chunk is held. It has the precision of the pass, and so has its
    gradient. A GPU also has two float32 copies of a block.
    """
    policy = parts.policy
    head, itemsize = policy.model.get_output_embeddings().weight, policy.dtype.itemsize
    vocabulary, width = map(int, head.shape)
    held = vocabulary * min(tokens, chunk_of_logits(vocabulary, width))
    in_float32 = 2 * 4 * min(held, FLOAT32_ON_GPU) if config.model.device == "cuda" else 0
    without_chunks = LOGIT_BYTES * min(vocabulary * tokens, LOGITS_AT_ONCE)
    converts = head.dtype is not policy.dtype
    converting: tuple[str, ...] = ("scoring", "training") if parts.passes.behaviour else ("training",)
    gradients = (2 if converts else 1) if head.requires_grad else 0  # of a chunk, and the sum over chunks
    return {
        "logits": Item(max(without_chunks, 2 * itemsize * held + in_float32), ("scoring", "training")),
        "converted output layer": Item(itemsize * head.numel() if converts else 0, converting),
        "output layer's gradients": Item(gradients * itemsize * head.numel(), ("training",)),
    }


def _engine(config: RunConfig, parts: Parts, layout: Layout) -> dict[str, Item]:
    """Memory of the engine. On a GPU, vLLM sleeps while the policy trains. The copy of transformers is empty then.

    That copy shares the weights that it does not convert with the policy, unless the policy is sharded.
    """
    policy, compute, rollout = parts.policy, config.compute, config.rollout
    context = rollout.max_prompt_tokens + rollout.max_tokens
    logits = compute.sample_batch * policy.model.config.get_text_config().vocab_size * SAMPLED_LOGIT_BYTES
    awake: tuple[str, ...] = ("sampling", "scoring")
    if compute.engine == "vllm":
        given = compute.kv_cache_gib
        awake = awake if config.model.device == "cuda" else PHASES
        weights = Item(policy.dtype.itemsize * sum(p.numel() for p in policy.model.parameters()), awake)
        cache = Item(given * GIB if given else compute.sample_batch * kv_bytes_of(policy, context, KV_BLOCK), awake)
    else:
        copied = policy.dtype is not torch.float32 and not policy.adapted
        held = frozen_copy(policy.model, policy.dtype).parameters() if copied else ()
        weights = Item(bytes_of(p for p in held if layout.sharded or p.dtype is policy.dtype), awake)
        cache = Item(compute.sample_batch * kv_bytes_of(policy, context), ("sampling",))
    return {"engine's weights": weights, "keys and values": cache, "next logits": Item(logits, ("sampling",))}
