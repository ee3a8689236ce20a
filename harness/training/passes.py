"""Which passes a run makes over completions besides the policy's own."""

from dataclasses import dataclass

from algorithms.scores import SCORES, scores_for
from algorithms.step import scores_come_first
from algorithms.types import Objective
from harness.config.optimizer import OptimizerSettings
from harness.config.regime import RegimeSpec


@dataclass(frozen=True, kw_only=True, slots=True)
class Passes:
    """Which fields of the batch each pass fills; a pass that fills none is not made, and not charged."""

    reference: tuple[str, ...] = ()
    """Of the reference, once for each completion."""
    behaviour: tuple[str, ...] = ()
    """Of the policy, right after it has sampled a completion."""
    start: tuple[str, ...] = ()
    """Of the policy, before the first update on a rollout batch."""
    current: tuple[str, ...] = ()
    """Of the policy, before each update, of that update's completions."""
    mismatched: tuple[str, ...] = ()
    """Of the policy and of the reference, before the first update on a rollout batch: each prompt with the completions
    of another."""
    samples: tuple[str, ...] = ()
    """No pass over the batch: further completions of the reference are sampled and graded."""
    training: tuple[str, ...] = ()
    """The training pass itself: where it is the first on fresh completions, it needs no other."""
    critic: tuple[str, ...] = ()
    """Of the critic, before the first update on a rollout batch."""
    seed: tuple[str, ...] = ()
    """No pass at all: drawn from the run's seed."""

    @classmethod
    def of(cls, objective: Objective, regime: RegimeSpec, optimizer: OptimizerSettings) -> "Passes":
        """What a run of ``objective`` needs."""
        asked = set(scores_for(objective.requires))
        if optimizer.correction:
            asked.add("old_logp")
        filled_by: dict[str, str] = {}
        if optimizer.updates_per_rollout == 1:  # the first update is the only one
            filled_by["start"] = "start" if scores_come_first(objective) else "training"
            filled_by["current"] = filled_by["start"]
        if regime.kind == "on_policy":
            filled_by["behaviour"] = filled_by.get("start", "start")
        if regime.kind == "offline":
            filled_by["behaviour"] = "reference"
        fills: dict[str, tuple[str, ...]] = {}
        for name in sorted(asked):
            source = SCORES[name].source
            where = filled_by.get(source, source)
            fills[where] = (*fills.get(where, ()), name)
        return cls(**fills)
