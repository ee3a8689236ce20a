"""Tokens, FLOPs and seconds of a run, under the assumptions that are printed with a plan."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from harness.config.run_config import RunConfig
from harness.records.ledger import Ledger
from harness.rollout.engines.engine import kv_bytes_of
from harness.studies.planning.device import Device
from harness.studies.planning.layout import Layout, layout_of
from harness.studies.planning.memory import tokens_at_once
from harness.studies.planning.parts import Parts
from harness.studies.planning.traffic import of_step, of_update
from harness.training.costs import Sizes, cost_of

TRAINING_SHARE = 0.35
"""The share of the device's matrix rate that forward and backward passes reach."""
DECODING_SHARE = 0.5
"""The share of the device's bandwidth that sampling reaches. Each token reads all weights and its sequence's cache."""
SYNC_SHARE = 0.1
"""The share of the bandwidth that writing the weights into the engine reaches."""
LAUNCH = {"transformers": 2e-4, "vllm": 2e-5}
"""Seconds to launch the kernels of one layer, during which the next token cannot be computed. vLLM replays them."""
BEGINNING = {"transformers": 10.0, "vllm": 90.0}
"""Seconds until the engine of a process is ready, without reading the weights."""
DISK = 1e9
"""Bytes per second at which weights are read."""


def of_engine(figures: Mapping[str, float], engine: str) -> float:
    """One of the figures above. An engine of another package is assumed to be like transformers."""
    return figures.get(engine, figures["transformers"])


@dataclass(frozen=True, kw_only=True, slots=True)
class Duration:
    """The work and the time of one run. All times are in seconds, for the device that works longest."""

    steps: int
    """Rollout batches."""
    sampled_tokens: int
    evaluated_tokens: int
    flops: float
    """Model FLOPs as in the ledger: without evaluation, and without recomputed layers."""
    sampling: float
    training: float
    sync: float
    evaluation: float
    communication: float
    """Time of communication between the devices of the run."""
    beginning: float
    """Time until the run samples its first token."""

    @property
    def seconds(self) -> float:
        return self.sampling + self.training + self.sync + self.evaluation + self.communication + self.beginning

    @property
    def hours(self) -> float:
        return self.seconds / 3600


@dataclass(frozen=True, kw_only=True, slots=True)
class Pace:
    """The speed of a run, for prompts and completions with these mean numbers of tokens."""

    config: RunConfig
    parts: Parts
    device: Device
    layout: Layout
    prompt: int
    completion: int

    def cost(self, new: int, batch: int) -> Ledger:
        """The cost of a step on ``batch`` completions, of which ``new`` are sampled in this step."""
        parts, length = self.parts, self.prompt + self.completion
        sizes = Sizes(policy=parts.policy.size, critic=parts.critic.size if parts.critic else None)
        samples = [length] * self.samples(new)
        optimizer = self.config.optimizer
        return cost_of(sizes, parts.passes, optimizer, [length] * new, [length] * batch, samples=samples)

    def samples(self, new: int) -> int:
        """The number of additional reference completions for the prompts of ``new`` completions."""
        rollout = self.config.rollout
        return new // rollout.group_size * rollout.reference_samples if self.parts.passes.samples else 0

    def busiest(self, completions: int, parts: int = 1) -> float:
        """The largest share of a device, if ``completions`` are split into ``parts`` and each part over the devices."""
        return self.layout.share(completions / self.config.rollout.group_size / parts)

    def drawing(self, new: int) -> float:
        """Seconds to sample ``new`` completions and the reference completions for their prompts."""
        return self.decoding(self.busiest(new) * (new + self.samples(new)))

    def decoding(self, completions: float) -> float:
        """Seconds of one device for ``sample_batch`` sequences in parallel, with a half-full cache."""
        policy, compute = self.parts.policy, self.config.compute
        weights = policy.dtype.itemsize * sum(parameter.numel() for parameter in policy.model.parameters())
        cache = completions * kv_bytes_of(policy, self.prompt + self.completion // 2)
        rounds = math.ceil(completions / compute.sample_batch)
        reading = (rounds * weights + cache) / (1e12 * self.device.bandwidth * DECODING_SHARE)
        return float(self.completion * max(reading, rounds * policy.size.layers * of_engine(LAUNCH, compute.engine)))

    def computing(self, new: int, batch: int) -> float:
        """Seconds of all passes of such a step, including one pass over each prompt before sampling."""
        config, length = self.config, self.prompt + self.completion
        size = self.parts.policy.size
        flops = self.cost(new, batch).flops - size.forward_flops([length] * (new + self.samples(new)))
        times = 2 if self.parts.passes.samples else 1  # the reference reads each prompt, too
        flops += size.forward_flops([self.prompt] * (times * new // config.rollout.group_size))
        if config.policy.gradient_checkpointing is True:
            sizes = [size, *([self.parts.critic.size] if self.parts.critic else [])]
            flops += config.optimizer.epochs * sum(each.forward_flops([length] * batch) for each in sizes)
        share = self.busiest(batch, config.optimizer.minibatches) if batch else self.busiest(new)
        working = share * flops / (self.device.rate(config.model.dtype) * TRAINING_SHARE)
        passes = 3 * config.optimizer.updates_per_rollout * self.micro_batches(batch)
        return max(working, passes * size.layers * LAUNCH["transformers"])

    def micro_batches(self, batch: int) -> int:
        """The number of micro-batches of one update on the busiest device."""
        minibatches = self.config.optimizer.minibatches
        completions = self.busiest(batch, minibatches) * batch / minibatches
        return math.ceil(completions * (self.prompt + self.completion) / tokens_at_once(self.config))

    def talking(self, new: int, batch: int) -> float:
        """Seconds of communication between the devices in such a step."""
        if self.layout.devices == 1:
            return 0.0
        updates = self.config.optimizer.updates_per_rollout if batch else 0
        tokens = (self.prompt + self.completion) * (new + self.samples(new))
        traffic = of_update(self.parts, self.layout, self.micro_batches(batch)).times(updates)
        traffic += of_step(self.config, self.parts, self.layout, tokens)
        return traffic.seconds(self.device, self.layout)

    def sync(self) -> float:
        """Seconds to write all weights into the engine once."""
        policy = self.parts.policy
        return policy.dtype.itemsize * policy.size.parameters / (1e12 * self.device.bandwidth * SYNC_SHARE)

    def beginning(self) -> float:
        """Seconds until the run samples its first token."""
        policy = self.parts.policy
        return of_engine(BEGINNING, self.config.compute.engine) + policy.dtype.itemsize * policy.size.parameters / DISK


def duration_of(
    config: RunConfig, parts: Parts, device: Device, prompt: int, completion: int, layout: Layout | None = None
) -> Duration:
    """The duration of a run with these mean numbers of tokens. ``layout``: by default that of the run's settings."""
    layout = layout or layout_of(config)
    pace = Pace(config=config, parts=parts, device=device, layout=layout, prompt=prompt, completion=completion)
    rollout, evaluation, spec = config.rollout, config.evaluation, config.regime_spec
    batch = rollout.prompts * rollout.group_size
    offline = spec.kind == "offline"
    new = 0 if offline else batch - spec.again(rollout.prompts) * rollout.group_size
    fixed = rollout.offline_completions if offline else 0
    drawn, drawn_first = new + pace.samples(new), fixed + pace.samples(fixed)
    sampling, training, talking = pace.drawing(new), pace.computing(new, batch), pace.talking(new, batch)
    sync = pace.sync() * (3 if parts.passes.samples and not offline else 1)  # to the reference and back
    at_once = {"sampled_tokens": drawn * completion, "seconds": sampling + training + sync + talking}
    cost, start = pace.cost(new, batch), pace.cost(fixed, 0)
    first = {
        "flops": start.flops,
        "completions": start.completions,
        "seconds": pace.drawing(fixed) + pace.computing(fixed, 0),
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
        sampling=steps * sampling + pace.drawing(fixed),
        training=steps * training + pace.computing(fixed, 0),
        sync=steps * sync,
        evaluation=pace.decoding(evaluated * layout.share(evaluated)),
        communication=steps * talking + (pace.talking(fixed, 0) if fixed else 0.0),
        beginning=pace.beginning(),
    )
