"""Saturating curves through the validation accuracies of the arms of a board."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from evaluators.statistics.estimates import Estimate
from evaluators.statistics.saturation import POINTS_FROM, RUNS_FROM, Saturation, saturation
from harness.records.results import COSTS, RunResult
from harness.report.numbers.document import ArmRow, Fit
from harness.report.numbers.interval import Interval
from harness.report.numbers.rows import finished, places_of, spending

DIGITS = 4
"""Fits are found by iteration, so further digits may differ between processors."""


def fitted(rows: Iterable[ArmRow], arms: Mapping[str, Sequence[RunResult]], baseline: str | None) -> tuple[ArmRow, ...]:
    """The rows with their fits. ``arms``: the runs of each row, ordered by seed."""
    found = {name: done for name, runs in arms.items() if _enough(done := finished(runs))}
    curves = {name: saturation(_spent(done), _accuracies(done)) for name, done in found.items()}
    theirs = curves.get(baseline) if baseline else None

    def fit(name: str) -> Fit | None:
        ours = curves.get(name)
        if not isinstance(ours, Saturation):
            return Fit(refused=ours) if ours else None
        paired = name != baseline and baseline and _seeds(found[name]) == _seeds(found.get(baseline, ()))
        other = theirs if paired and isinstance(theirs, Saturation) else None
        return _fit(ours, other, found[name])

    return tuple(replace(row, fit=fit(row.objective)) for row in rows)


def _fit(ours: Saturation, theirs: Saturation | None, runs: Sequence[RunResult]) -> Fit:
    ceiling, midpoint = ours.estimates()
    higher, slower = ours.gaps(theirs) if theirs else (None, None)
    spent = _spent(runs)
    return Fit(
        refused=None,
        ceiling=_plain(ceiling),
        steepness=_rounded(ours.steepness),
        midpoint=_exponential(midpoint),
        midpoint_in={unit: _rounded(float(np.interp(ours.midpoint, spent, spending(runs, unit)))) for unit in COSTS},
        higher=_plain(higher) if higher else None,
        faster=_exponential(replace(slower, mean=-slower.mean)) if slower else None,
    )


def _enough(runs: Sequence[RunResult]) -> bool:
    """Whether there are enough runs and validations for a fit. A control that is never trained spends nothing."""
    return len(runs) >= RUNS_FROM and places_of(runs) > POINTS_FROM and bool((np.diff(_spent(runs)) > 0).all())


def _spent(runs: Sequence[RunResult]) -> list[float]:
    return spending(runs, runs[0].config.budget.unit)


def _accuracies(runs: Sequence[RunResult]) -> list[list[float]]:
    """[runs, validations]"""
    return [[point.accuracy for point in run.curve[: places_of(runs)]] for run in runs]


def _seeds(runs: Sequence[RunResult]) -> list[int]:
    return [run.config.seed for run in runs]


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
