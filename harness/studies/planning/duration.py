"""What a run takes: tokens, FLOPs and hours, under assumptions that are told beside them."""

import math
from dataclasses import dataclass

from harness.config.run_config import RunConfig
from harness.records.ledger import Ledger
from harness.rollout.engines.engine import kv_bytes_of
from harness.studies.planning.gpus import Gpu
from harness.studies.planning.parts import Parts
from harness.training.costs import Sizes, cost_of

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
    """As a ledger counts them: without evaluation, and without what is computed again."""
    sampling: float
    """Seconds; so are the following."""
    training: float
    sync: float
    evaluation: float

    @property
    def hours(self) -> float:
        return (self.sampling + self.training + self.sync + self.evaluation) / 3600


@dataclass(frozen=True, kw_only=True, slots=True)
class Pace:
    """How fast a run is whose prompts and completions have so many tokens on average."""

    config: RunConfig
    parts: Parts
    gpu: Gpu
    prompt: int
    completion: int

    def cost(self, new: int, batch: int) -> Ledger:
        """Of a step on ``batch`` completions, of which ``new`` are sampled for it."""
        parts, length = self.parts, self.prompt + self.completion
        sizes = Sizes(policy=parts.policy.size, critic=parts.critic.size if parts.critic else None)
        samples = [length] * self.samples(new)
        optimizer = self.config.optimizer
        return cost_of(sizes, parts.passes, optimizer, [length] * new, [length] * batch, samples=samples)

    def samples(self, new: int) -> int:
        """Completions of the reference besides, for the prompts of ``new`` ones."""
        rollout = self.config.rollout
        return new // rollout.group_size * rollout.reference_samples if self.parts.passes.samples else 0

    def sampling(self, completions: int) -> float:
        """Seconds of decoding: ``sample_batch`` sequences side by side, the cache half full."""
        policy, together = self.parts.policy, self.config.compute.sample_batch
        weights = policy.dtype.itemsize * sum(parameter.numel() for parameter in policy.model.parameters())
        cache = completions * kv_bytes_of(policy, self.prompt + self.completion // 2)
        read = math.ceil(completions / together) * weights + cache
        return float(self.completion * read / (1e12 * self.gpu.bandwidth * DECODING_SHARE))

    def computing(self, new: int, batch: int) -> float:
        """Seconds of all passes of such a step, prompts before they are sampled from included, each once."""
        config, length = self.config, self.prompt + self.completion
        size = self.parts.policy.size
        flops = self.cost(new, batch).flops - size.forward_flops([length] * (new + self.samples(new)))
        times = 2 if self.parts.passes.samples else 1  # each prompt is read by the reference, too
        flops += size.forward_flops([self.prompt] * (times * new // config.rollout.group_size))
        if config.policy.gradient_checkpointing:
            sizes = [size, *([self.parts.critic.size] if self.parts.critic else [])]
            flops += config.optimizer.epochs * sum(each.forward_flops([length] * batch) for each in sizes)
        return flops / (self.gpu.rate(config.model.dtype) * TRAINING_SHARE)

    def sync(self) -> float:
        policy = self.parts.policy
        return policy.dtype.itemsize * policy.size.parameters / (1e12 * self.gpu.bandwidth * SYNC_SHARE)


def duration_of(config: RunConfig, parts: Parts, gpu: Gpu, prompt: int, completion: int) -> Duration:
    """With prompts and completions of so many tokens on average."""
    pace = Pace(config=config, parts=parts, gpu=gpu, prompt=prompt, completion=completion)
    rollout, evaluation, spec = config.rollout, config.evaluation, config.regime_spec
    batch = rollout.prompts * rollout.group_size
    offline = spec.kind == "offline"
    new = 0 if offline else batch - spec.again(rollout.prompts) * rollout.group_size
    fixed = rollout.offline_completions if offline else 0
    drawn, drawn_first = new + pace.samples(new), fixed + pace.samples(fixed)
    sampling, training = pace.sampling(drawn), pace.computing(new, batch)
    sync = pace.sync() * (3 if parts.passes.samples and not offline else 1)  # to the reference and back
    at_once = {"sampled_tokens": drawn * completion, "seconds": sampling + training + sync}
    cost, start = pace.cost(new, batch), pace.cost(fixed, 0)
    first = {
        "flops": start.flops,
        "completions": start.completions,
        "seconds": pace.sampling(drawn_first) + pace.computing(fixed, 0),
    }
    left = max(0.0, config.budget.total - first.get(config.budget.unit, 0))
    a_step = at_once.get(config.budget.unit) or cost.spent(config.budget.unit)
    steps = 0 if config.objective.control == "frozen" else int(left / a_step)
    validated = len(evaluation.shares) * evaluation.validation_problems * evaluation.validation_samples
    evaluated = validated + 2 * evaluation.test_problems * evaluation.test_samples
    return Duration(
        steps=steps,
        sampled_tokens=(steps * drawn + drawn_first) * completion,
        evaluated_tokens=evaluated * completion,
        flops=steps * cost.flops + start.flops,
        sampling=steps * sampling + pace.sampling(drawn_first),
        training=steps * training + pace.computing(fixed, 0),
        sync=steps * sync,
        evaluation=pace.sampling(evaluated),
    )
