"""Saturating curves through the validation accuracies of the arms of a board."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import TypeAlias

import numpy as np

from evaluators.statistics.estimates import Estimate
from evaluators.statistics.saturation import POINTS_FROM, RUNS_FROM, Reason, Saturation, saturation
from harness.records.results import COSTS, RunResult
from harness.report.numbers.document import ArmRow, Fit
from harness.report.numbers.interval import Interval
from harness.report.numbers.rows import finished, learning, spending

Curve: TypeAlias = Saturation | Reason | None
DIGITS = 4
"""Fits are found by iteration, so further digits may differ between processors."""


def fitted(rows: Iterable[ArmRow], arms: Mapping[str, Sequence[RunResult]], baseline: str | None) -> tuple[ArmRow, ...]:
    """The rows with their fits. ``arms``: the runs of each row, ordered by seed."""
    done = {name: finished(runs) for name, runs in arms.items()}
    by_id = {run.run_id: run for runs in done.values() for run in runs}
    theirs = done.get(baseline, []) if baseline else []

    @cache
    def curve(*ids: str) -> Curve:
        return _curve([by_id[run_id] for run_id in ids])

    def fit(row: ArmRow) -> Fit | None:
        runs = done.get(row.objective, [])
        shared = {run.config.seed for run in runs} & {run.config.seed for run in theirs}
        pair = [[run.run_id for run in each if run.config.seed in shared] for each in (runs, theirs)]
        ours = curve(*(run.run_id for run in runs))
        return _fit(ours, *(curve(*ids) for ids in pair if row.objective != baseline), runs=runs)

    return tuple(replace(row, fit=fit(row)) for row in rows)


def _fit(ours: Curve, *pair: Curve, runs: Sequence[RunResult]) -> Fit | None:
    """The fit of some runs. ``pair``: theirs and the baseline's on the seeds that they share."""
    if not isinstance(ours, Saturation):
        return Fit(refused=ours) if ours else None
    fitted = [one for one in pair if isinstance(one, Saturation)]
    gaps = fitted[0].gaps(fitted[1]) if len(fitted) == 2 else None
    ceiling, midpoint, steepness = ours.estimates()
    spent = spending(runs, runs[0].config.budget.unit)
    return Fit(
        refused=None,
        ceiling=_plain(ceiling),
        steepness=_exponential(steepness),
        midpoint=_exponential(midpoint),
        midpoint_in={unit: _rounded(float(np.interp(ours.midpoint, spent, spending(runs, unit)))) for unit in COSTS},
        higher=_plain(gaps[0]) if gaps else None,
        faster=_exponential(replace(gaps[1], mean=-gaps[1].mean)) if gaps else None,
    )


def _curve(runs: Sequence[RunResult]) -> Curve:
    """None if there are too few runs or validations, or if the runs spend nothing."""
    found = learning(runs)
    if found is None or len(runs) < RUNS_FROM or len(found[0]) <= POINTS_FROM:
        return None
    return saturation(*found)


def _plain(found: Estimate) -> Interval:
    low, high = found.interval() or (found.mean, found.mean)
    mean, half = round(found.mean, DIGITS), round((high - low) / 2, DIGITS)
    return Interval(mean=mean, low=mean - half, high=mean + half)


def _exponential(found: Estimate) -> Interval:
    """The interval of a quantity whose logarithm was estimated."""
    low, high = found.interval() or (found.mean, found.mean)
    mean, low, high = (_rounded(math.exp(end)) for end in (found.mean, low, high))
    return Interval(mean=mean, low=low, high=high)


def _rounded(number: float) -> float:
    return float(f"{number:.{DIGITS}g}")
