"""Quantities of the whole optimiser step that an objective needs before its losses."""

from collections.abc import Mapping, Sequence

from torch import Tensor

from algorithms.types import Batch, HasOverview, HasTotals, Objective


def step_totals(objective: Objective, parts: Sequence[Batch]) -> Mapping[str, Tensor]:
    """The ``totals`` of a step that is split into ``parts``; empty if the objective needs none."""
    if isinstance(objective, HasOverview):
        return objective.overview(parts)
    sums: dict[str, Tensor] = {}
    if isinstance(objective, HasTotals):
        for part in parts:
            for name, value in objective.totals(part).items():
                sums[name] = sums[name] + value if name in sums else value
    return sums


def wants_totals(objective: Objective) -> bool:
    """Whether the objective wants to know anything of the whole step."""
    return isinstance(objective, HasOverview | HasTotals)


def scores_come_first(objective: Objective) -> bool:
    """Whether the required scores must be computed before the first loss of a step."""
    return objective.reads_scores if isinstance(objective, HasOverview) else isinstance(objective, HasTotals)
