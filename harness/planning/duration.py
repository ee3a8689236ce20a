"""What a run takes: tokens, FLOPs and hours, under assumptions that are told beside them."""

import math
from dataclasses import dataclass

from harness.charging import Sizes, cost_of
from harness.config import RunConfig
from harness.planning.gpus import Gpu
from harness.planning.parts import Parts
from harness.rollout.engine import kv_bytes_of

TRAINING_SHARE = 0.35
"""Of the GPU's matrix rate that forward and backward passes reach."""
DECODING_SHARE = 0.5
"""Of the GPU's bandwidth that sampling reaches: each token reads all weights and the cache of its sequence."""
SYNC_SHARE = 0.1
"""Of the bandwidth that writing the weights into the engine reaches."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Duration:
    """Of one run."""

    steps: int
    """Turns of the loop."""
    sampled_tokens: int
    evaluated_tokens: int
    flops: float
    sampling: float
    """Seconds; so are the following."""
    training: float
    sync: float
    evaluation: float

    @property
    def hours(self) -> float:
        return (self.sampling + self.training + self.sync + self.evaluation) / 3600


def duration_of(config: RunConfig, parts: Parts, gpu: Gpu, prompt: int, completion: int) -> Duration:
    """With prompts and completions of so many tokens on average."""
    rollout, evaluation, policy = config.rollout, config.evaluation, parts.policy
    group = rollout.prompts * rollout.group_size
    lengths = [prompt + completion] * group
    sizes = Sizes(policy=policy.size, critic=parts.critic.size if parts.critic else None)
    step = cost_of(sizes, parts.passes, config.optimizer, lengths, lengths)
    spent = {"sampled_tokens": group * completion, "seconds": math.nan}.get(config.budget.unit)
    a_step = spent or step.spent(config.budget.unit)
    decode = _decoding(config, parts, gpu, prompt, completion)
    sampling = decode * _rounds(group, config) * completion
    flops = step.flops - policy.size.forward_flops([completion] * group)  # what is decoded reads, and hardly computes
    training = flops / (gpu.rate(config.model.dtype) * TRAINING_SHARE)
    sync = policy.dtype.itemsize * policy.size.parameters / (1e12 * gpu.bandwidth * SYNC_SHARE)
    if config.budget.unit == "seconds":
        a_step = sampling + training + sync
    steps = 0 if config.objective.control == "frozen" else int(config.budget.total / a_step)
    validated = len(evaluation.shares) * evaluation.validation_problems * evaluation.validation_samples
    evaluated = validated + 2 * evaluation.test_problems * evaluation.test_samples
    return Duration(
        steps=steps,
        sampled_tokens=steps * group * completion,
        evaluated_tokens=evaluated * completion,
        flops=steps * step.flops,
        sampling=steps * sampling,
        training=steps * training,
        sync=steps * sync,
        evaluation=decode * _rounds(evaluated, config) * completion,
    )


def _rounds(completions: int, config: RunConfig) -> int:
    return math.ceil(completions / config.compute.sample_batch)


def _decoding(config: RunConfig, parts: Parts, gpu: Gpu, prompt: int, completion: int) -> float:
    """Seconds of one token of all sequences side by side, the cache half full."""
    policy = parts.policy
    weights = policy.dtype.itemsize * sum(parameter.numel() for parameter in policy.model.parameters())
    cache = config.compute.sample_batch * kv_bytes_of(policy, prompt + completion // 2)
    return float((weights + cache) / (1e12 * gpu.bandwidth * DECODING_SHARE))
