"""One arm's row of a board."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from evaluators.statistics.estimates import Estimate, mean_over_budget, over_seeds
from evaluators.statistics.ranking import Comparison, Scores, Standing
from harness.records.events import Evaluation
from harness.records.results import COSTS, RunResult, by_problem

RANKED_FROM = 5
"""Seeds below which a row is preliminary."""
MATCHED_WITHIN = 0.05
"""Relative difference to the baseline's spending above which a unit is marked."""
Row = dict[str, Any]


def finished(runs: Sequence[RunResult]) -> list[RunResult]:
    return [run for run in runs if run.status == "finished"]


def scores(name: str, runs: Sequence[RunResult]) -> Scores | None:
    """The test results of the finished runs; None if there are none."""
    done = finished(runs)
    if not done:
        return None
    shares = np.stack([by_problem(run.test) for run in done if run.test])
    return Scores(name=name, seeds=tuple(run.config.seed for run in done), shares=shares)


def row(name: str, runs: Sequence[RunResult], missing: Sequence[int], reference: dict[str, float]) -> Row:
    """What the runs of one arm reached and spent; :func:`judge` adds how that compares.

    ``missing``: seeds that were planned and never began. ``reference``: what a run of the baseline spends; without a
    baseline, the mean run of the board.
    """
    done = finished(runs)
    spent = costs(done)
    status = "ranked" if len(done) >= RANKED_FROM else "preliminary"
    tests = [run.test for run in done if run.test]
    starts = [run.start for run in runs if run.start]
    return {
        "objective": name,
        "status": status if done else "failed" if any(run.status == "failed" for run in runs) else "unfinished",
        "seeds": [run.config.seed for run in done],
        "failed": [run.config.seed for run in runs if run.status == "failed"],
        "unfinished": [run.config.seed for run in runs if run.status == "unfinished"],
        "missing": list(missing),
        "accuracy": interval(over_seeds([test.summary.accuracy for test in tests])) if done else None,
        "start_accuracy": _mean(start.summary.accuracy for start in starts),
        "mean_over_budget": _over_budget(done),
        "difference": None,
        "rank": None,
        "budget": spent,
        "unmatched": [
            unit for unit, cost in reference.items() if spent and abs(spent[unit] - cost) > MATCHED_WITHIN * cost
        ],
        **{key: _mean(_measured(test, key) for test in tests) for key in OF_TESTS},
        **{f"start_{key}": _mean(_measured(start, key) for start in starts) for key in AUDITS},
        "run_ids": [run.run_id for run in runs],
        "curve": _curve(done),
    }


AUDITS = ("audit_paid", "audit_missed")
OF_TESTS = ("kl", "completion_tokens", "truncated", "grader_timeouts", *AUDITS)
"""Means over seeds of what the last test evaluation recorded."""


def judge(rows: Sequence[Row], comparisons: dict[str, Comparison], found: Standing | None) -> None:
    """Write comparisons and ranks into the rows."""
    for one in rows:
        if comparison := comparisons.get(one["objective"]):
            one["difference"] = interval(comparison.difference) | {
                "p": comparison.p,
                "p_holm": comparison.p_holm,
                "equivalent_p": comparison.equivalent_p,
                "improvement": comparison.improvement,
                "detectable": comparison.detectable,
            }
        if found and one["objective"] in found.ranks:
            one["rank"] = list(found.ranks[one["objective"]])


def costs(runs: Sequence[RunResult]) -> dict[str, float]:
    """Mean spending a run, in every unit."""
    return {unit: float(np.mean([run.spent[unit] for run in runs])) for unit in COSTS} if runs else {}


def interval(estimate: Estimate) -> dict[str, float | None]:
    low, high = estimate.interval() or (None, None)
    return {"mean": estimate.mean, "low": low, "high": high}


def _measured(evaluation: Evaluation, name: str) -> float | None:
    found: float | None = evaluation.kl if name == "kl" else getattr(evaluation.summary, name)
    return found


def _mean(values: Iterable[float | None]) -> float | None:
    """Of the finite ones."""
    numbers = [value for value in values if value is not None]
    return float(np.mean(numbers)) if numbers else None


def _places(runs: Sequence[RunResult]) -> int:
    """Evaluations that all runs have."""
    return min((len(run.curve) for run in runs), default=0)


def _over_budget(runs: Sequence[RunResult]) -> dict[str, float | None] | None:
    """Area under validation accuracy against budget, as a mean on the way."""
    places = _places(runs)
    if places < 2:
        return None
    unit = runs[0].config.budget.unit
    spent = np.mean([[point.spent[unit] for point in run.curve[:places]] for run in runs], axis=0)
    if (np.diff(spent) <= 0).any():
        return None  # a control that never trains spends nothing
    return interval(over_seeds(mean_over_budget(spent, [[p.accuracy for p in run.curve[:places]] for run in runs])))


def _curve(runs: Sequence[RunResult]) -> list[Row]:
    """Over seeds, at the evaluations that all have: mean spending in every unit, validation accuracy, and KL."""
    points = []
    for place in range(_places(runs)):
        here = [run.curve[place] for run in runs]
        spent = {unit: float(np.mean([point.spent[unit] for point in here])) for unit in COSTS}
        accuracy = interval(over_seeds([point.accuracy for point in here]))
        points.append({"spent": spent, "accuracy": accuracy, "kl": _mean(point.kl for point in here)})
    return points
