"""The passes of a run over completions, besides the training pass."""

from dataclasses import dataclass

from algorithms.scores import SCORES, scores_for
from algorithms.step import scores_come_first
from algorithms.types import Objective
from harness.config.optimizer import OptimizerSettings
from harness.config.regime import RegimeSpec


@dataclass(frozen=True, kw_only=True, slots=True)
class Passes:
    """The fields of the batch that each pass fills. A pass without fields is neither made nor charged."""

    reference: tuple[str, ...] = ()
    """A pass of the reference, once per completion."""
    behaviour: tuple[str, ...] = ()
    """A pass of the policy right after it has sampled a completion."""
    start: tuple[str, ...] = ()
    """A pass of the policy before the first update on a rollout batch."""
    current: tuple[str, ...] = ()
    """A pass of the policy before each update, over the completions of that update."""
    mismatched: tuple[str, ...] = ()
    """A pass of policy and reference before the first update on a rollout batch, over each prompt with the completions
    of another prompt."""
    samples: tuple[str, ...] = ()
    """No pass over the batch: the reference samples additional completions, which are graded."""
    training: tuple[str, ...] = ()
    """The training pass itself. If it is the first pass on fresh completions, no other pass is needed."""
    critic: tuple[str, ...] = ()
    """A pass of the critic before the first update on a rollout batch."""
    seed: tuple[str, ...] = ()
    """No pass: random numbers from the seed of the run."""

    @classmethod
    def of(cls, objective: Objective, regime: RegimeSpec, optimizer: OptimizerSettings) -> "Passes":
        """The passes that a run of ``objective`` needs."""
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
