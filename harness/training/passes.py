"""Which passes a run makes over completions besides the policy's own."""

from dataclasses import dataclass

from algorithms.scores import SCORES, scores_for
from algorithms.types import HasTotals, Objective
from harness.config.regime import RegimeSpec
from harness.config.settings import OptimizerSettings


@dataclass(frozen=True, kw_only=True, slots=True)
class Passes:
    """Which fields of the batch each pass fills; a pass that fills none is not made, and not charged."""

    reference: tuple[str, ...] = ()
    """Of the reference, once for each completion."""
    behaviour: tuple[str, ...] = ()
    """Of the policy, right after it has sampled a completion."""
    start: tuple[str, ...] = ()
    """Of the policy, before the first update on a rollout batch."""
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
        if optimizer.importance_cap is not None:
            asked.add("old_logp")
        filled_by: dict[str, str] = {}
        if optimizer.updates_per_rollout == 1 and not isinstance(objective, HasTotals):
            filled_by["start"] = "training"  # not with totals, which are wanted before the training pass
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
