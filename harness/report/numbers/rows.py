"""The row of one arm on a board."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from evaluators.statistics.estimates import mean_over_budget, over_seeds
from evaluators.statistics.ranking import Comparison, Scores, Standing
from harness.records.results import COSTS, RunResult, Status, by_problem
from harness.report.numbers.document import ArmRow, ArmStatus, CurvePoint
from harness.report.numbers.interval import Difference, Interval
from harness.report.numbers.spread import spread

RANKED_FROM = 5
"""With fewer seeds a row is preliminary."""
MATCHED_WITHIN = 0.05
"""A unit is marked if its spending differs from the baseline's by a larger relative difference."""


def finished(runs: Sequence[RunResult]) -> list[RunResult]:
    return [run for run in runs if run.status == "finished"]


def scores(name: str, runs: Sequence[RunResult]) -> Scores | None:
    """The test results of the finished runs; None if no run has finished."""
    done = finished(runs)
    if not done:
        return None
    shares = np.stack([by_problem(run.test) for run in done if run.test])
    return Scores(name=name, seeds=tuple(run.config.seed for run in done), shares=shares)


def row(name: str, runs: Sequence[RunResult], missing: Sequence[int], reference: Mapping[str, float]) -> ArmRow:
    """The results and costs of one arm. :func:`compared` adds the comparison with the baseline.

    ``missing``: seeds that were planned but never started. ``reference``: the mean spending of a run of the baseline,
    or of all runs of the board if there is no baseline.
    """
    done = finished(runs)
    spent = costs(done)
    tests = [run.test for run in done if run.test]
    starts = [run.start for run in done or runs if run.start]
    ends, begins = ([evaluation.summary for evaluation in found] for found in (tests, starts))
    return ArmRow(
        objective=name,
        status=_status(runs),
        seeds=_seeds(runs, "finished"),
        failed=_seeds(runs, "failed"),
        unfinished=_seeds(runs, "unfinished"),
        missing=tuple(missing),
        accuracy=Interval.of(over_seeds([end.accuracy for end in ends])) if done else None,
        spread=spread(done),
        start_accuracy=_mean(begin.accuracy for begin in begins),
        mean_over_budget=_over_budget(done),
        difference=None,
        rank=None,
        budget=spent,
        unmatched=tuple(
            unit for unit, cost in reference.items() if spent and abs(spent[unit] - cost) > MATCHED_WITHIN * cost
        ),
        kl=_mean(test.kl for test in tests),
        ratio_mean=_mean(run.ratio_mean for run in done),
        completion_tokens=_mean(end.completion_tokens for end in ends),
        truncated=_mean(end.truncated for end in ends),
        grader_timeouts=_mean(end.grader_timeouts for end in ends),
        audit_paid=_mean(end.audit_paid for end in ends),
        audit_missed=_mean(end.audit_missed for end in ends),
        start_audit_paid=_mean(begin.audit_paid for begin in begins),
        start_audit_missed=_mean(begin.audit_missed for begin in begins),
        run_ids=tuple(run.run_id for run in runs),
        curve=_curve(done),
        unrewarded=bool(done) and not any(run.rewarded or run.config.objective.control == "frozen" for run in done),
    )


def compared(
    rows: Iterable[ArmRow], comparisons: Mapping[str, Comparison], found: Standing | None = None
) -> tuple[ArmRow, ...]:
    """The rows with their differences to the baseline and their ranks, where these are known."""
    ranks = found.ranks if found else {}
    return tuple(
        replace(
            one,
            difference=Difference.between(comparisons[one.objective]) if one.objective in comparisons else None,
            rank=ranks.get(one.objective),
        )
        for one in rows
    )


def costs(runs: Sequence[RunResult]) -> dict[str, float]:
    """Mean spending per run, in every unit."""
    return {unit: float(np.mean([run.spent[unit] for run in runs])) for unit in COSTS} if runs else {}


def _seeds(runs: Sequence[RunResult], status: Status) -> tuple[int, ...]:
    return tuple(run.config.seed for run in runs if run.status == status)


def _status(runs: Sequence[RunResult]) -> ArmStatus:
    if not runs:
        return "missing"
    if done := finished(runs):
        return "ranked" if len(done) >= RANKED_FROM else "preliminary"
    return "failed" if _seeds(runs, "failed") else "unfinished"


def _mean(values: Iterable[float | None]) -> float | None:
    """The mean of the values that are not None."""
    numbers = [value for value in values if value is not None]
    return float(np.mean(numbers)) if numbers else None


def places_of(runs: Sequence[RunResult]) -> int:
    """The number of validations that all runs have."""
    return min((len(run.curve) for run in runs), default=0)


def spending(runs: Sequence[RunResult], unit: str) -> list[float]:
    """The mean spending at each validation that all runs have."""
    return [float(np.mean([run.curve[place].spent[unit] for run in runs])) for place in range(places_of(runs))]


def learning(runs: Sequence[RunResult]) -> tuple[list[float], list[list[float]]] | None:
    """At the validations that all runs have: the mean spending in the budget's unit, and the accuracies of each run.

    None if there are fewer than two, or if the runs spend nothing, as a control that is never trained.
    """
    places = places_of(runs)
    if places < 2:
        return None
    spent = spending(runs, runs[0].config.budget.unit)
    if (np.diff(spent) <= 0).any():
        return None
    return spent, [[point.accuracy for point in run.curve[:places]] for run in runs]


def _over_budget(runs: Sequence[RunResult]) -> Interval | None:
    """The mean validation accuracy over the budget, from the area under the learning curve."""
    found = learning(runs)
    return Interval.of(over_seeds(mean_over_budget(*found))) if found else None


def _curve(runs: Sequence[RunResult]) -> tuple[CurvePoint, ...]:
    """Means over seeds of spending, validation accuracy and KL, at the validations that all runs have."""
    points, spent = [], {unit: spending(runs, unit) for unit in COSTS}
    for place in range(places_of(runs)):
        here = [run.curve[place] for run in runs]
        points.append(
            CurvePoint(
                spent={unit: spent[unit][place] for unit in COSTS},
                accuracy=Interval.of(over_seeds([point.accuracy for point in here])),
                kl=_mean(point.kl for point in here),
            )
        )
    return tuple(points)
