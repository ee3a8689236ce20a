"""What a run holds on the GPU while it samples and while it trains, item by item, in bytes."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import nn

from harness.config import RunConfig
from harness.planning.parts import Parts, bytes_of, trace
from harness.policy import LOGITS_AT_ONCE, frozen_copy
from harness.rollout.engine import kv_bytes_of
from harness.rollout.vllm_engine import KV_BLOCK
from harness.settings import OptimizerSettings

GIB = 2**30
EIGHT_BIT_FROM = 4096
"""bitsandbytes keeps the moments of smaller tensors in float32."""
EIGHT_BIT_BLOCK = 256
"""Elements that share one float32 scale in bitsandbytes."""
LOGIT_BYTES = 20
"""A logit of the chunk in work: in the pass's precision, in float32, scaled, its exponential and its gradient."""
ALLOWANCE = 2 * GIB
"""CUDA's context, kernels' work space, what the allocator cannot use."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Memory:
    """Bytes by item. Sampling and training take turns; what is always there stands in both."""

    always: Mapping[str, float]
    sampling: Mapping[str, float]
    training: Mapping[str, float]

    @property
    def peak(self) -> float:
        return sum(self.always.values()) + max(sum(self.sampling.values()), sum(self.training.values()))


def memory_of(config: RunConfig, parts: Parts) -> Memory:
    """The memory of a run of these parts."""
    policy, critic = parts.policy, parts.critic
    trained = [p for module in (policy.model, critic) if module for p in module.parameters() if p.requires_grad]
    tokens = tokens_at_once(config)
    checkpointing = config.policy.gradient_checkpointing
    plain = trace(policy, checkpointing=False)
    kept = trace(policy, checkpointing=True).a_token if checkpointing else plain.a_token
    in_work = plain.a_token / policy.size.layers if checkpointing else 0.0
    models = 2 if critic else 1
    return Memory(
        always={
            "policy": bytes_of(policy.model.parameters()),
            "reference": bytes_of(parts.reference.model.parameters()) if parts.reference else 0,
            "critic": bytes_of(critic.parameters()) if critic else 0,
            "optimiser": moments(trained, config.optimizer),
            "allowance": ALLOWANCE,
        },
        sampling=_engine(config, parts),
        training={
            "gradients": bytes_of(trained),
            "activations": models * (tokens * kept + plain.fixed) + tokens * in_work,
            "logits": LOGIT_BYTES * LOGITS_AT_ONCE,
        },
    )


def tokens_at_once(config: RunConfig) -> int:
    """Tokens of the largest micro-batch: a group is never split, however long its completions."""
    rollout = config.rollout
    longest = rollout.group_size * (rollout.max_prompt_tokens + rollout.max_tokens)
    return max(config.compute.micro_batch_tokens, longest)


def moments(trained: list[nn.Parameter], settings: OptimizerSettings) -> float:
    """Bytes of AdamW's two moments."""
    sizes = [parameter.numel() for parameter in trained]
    if settings.kind == "adamw":
        return 8 * sum(sizes)
    scales = sum(2 * 4 * -(-size // EIGHT_BIT_BLOCK) for size in sizes if size >= EIGHT_BIT_FROM)
    return sum(2 * size if size >= EIGHT_BIT_FROM else 8 * size for size in sizes) + scales


def _engine(config: RunConfig, parts: Parts) -> dict[str, float]:
    policy, compute, rollout = parts.policy, config.compute, config.rollout
    context = rollout.max_prompt_tokens + rollout.max_tokens
    low = policy.dtype is not torch.float32
    if compute.engine == "vllm":
        weights = policy.dtype.itemsize * sum(p.numel() for p in policy.model.parameters())
        given = compute.kv_cache_gib
        cache = given * GIB if given else compute.sample_batch * kv_bytes_of(policy, context, KV_BLOCK)
    else:
        copied = low and not policy.adapted
        weights = bytes_of(frozen_copy(policy.model, policy.dtype).parameters()) if copied else 0
        cache = compute.sample_batch * kv_bytes_of(policy, context)
    logits = compute.sample_batch * policy.model.config.get_text_config().vocab_size * LOGIT_BYTES
    return {"engine's weights": weights, "keys and values": cache, "next logits": logits}
