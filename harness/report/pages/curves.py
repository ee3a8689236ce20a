"""The interactive figures of leaderboards and comparisons."""

from collections.abc import Mapping, Sequence

import numpy as np

from harness.config.regime import RegimeSpec
from harness.records.results import COSTS, RunResult
from harness.report.numbers.document import ArmRow, Board, RegimeBoard
from harness.report.numbers.interval import Interval
from harness.report.numbers.side_by_side import SideBySide
from harness.report.pages.cells import points, shown
from harness.report.pages.figures import Arm, Axis, Figure, Line, Panel, Place, Single, arms_of, in_percent, rounded

BAND_FROM = 3
"""The number of seeds from which intervals are drawn. With two seeds they are wider than the picture."""
DENSE = 40
"""The number of points of a fitted curve."""
KL = Axis(label="KL from the reference, nats per completion", kind="measured")
AGE = Axis(label="age of the completions, optimiser steps", kind="lag")
Runs = Mapping[str, RunResult]
"""By run id."""


def learning_curves(board: Board, runs: Runs) -> Figure:
    """Validation accuracy against every budget unit and against KL, with one panel per regime."""
    units = _units([row for _, row in board.arms])
    arms = _arms(board.boards)
    places = {arm.name: place for place, arm in enumerate(arms)}
    return Figure(
        id="curves",
        title="Validation accuracy during training",
        y="validation accuracy, %",
        axes=[*map(_axis, units), KL],
        arms=arms,
        panels=[_panel(part.regime, part.budget.unit, part.arms, units, places, runs) for part in board.boards],
    )


def fits(board: Board) -> Figure | None:
    """The saturating fits against every budget unit, with one panel per regime. None if there are no fits."""
    units = _units([row for _, row in board.arms])
    arms = _arms(board.boards)
    places = {arm.name: place for place, arm in enumerate(arms)}
    panels = [
        Panel(
            name=part.regime,
            axis=units.index(part.budget.unit) if part.budget.unit in units else 0,
            lines=[_fitted(places[shown(row.objective)], row, part.budget.unit, units) for row in rows],
        )
        for part in board.boards
        if (rows := [row for row in part.rows if row.fit and not row.fit.refused])
    ]
    if not panels:
        return None
    axes = [_axis(unit) for unit in units]
    title = "Saturating fits of the validation accuracies"
    return Figure(id="fits", title=title, y="validation accuracy, %", axes=axes, arms=arms, panels=panels)


def _fitted(arm: int, row: ArmRow, unit: str, units: Sequence[str]) -> Line:
    """The fitted curve of an arm, from its start to the end of its budget."""
    assert row.fit
    start, end = row.curve[0], row.curve[-1].spent[unit]
    spent = [end * (number + 1) / DENSE for number in range(DENSE)]
    accuracies = [start.accuracy.mean, *row.fit.at(start.accuracy.mean, spent).tolist()]
    known = [point.spent[unit] for point in row.curve]
    x = [np.interp([0, *spent], known, [point.spent[of] for point in row.curve]).tolist() for of in units]
    return line(
        arm,
        [[rounded(place) for place in places] for places in x],
        [Interval(mean=accuracy, low=None, high=None) for accuracy in accuracies],
        [len(row.seeds)] * len(accuracies),
    )


def compared_curves(found: SideBySide) -> Figure:
    """The learning curves of the two sides of a comparison."""
    units = _units(found.rows)
    places = {shown(row.objective): place for place, row in enumerate(found.rows)}
    runs = {run.run_id: run for side in found.runs for run in side}
    unit = found.runs[0][0].config.budget.unit
    return Figure(
        id="curves",
        title="Validation accuracy during training",
        y="validation accuracy, %",
        axes=[*map(_axis, units), KL],
        arms=arms_of([shown(row.objective) for row in found.rows]),
        panels=[_panel(found.regime, unit, found.rows, units, places, runs)],
    )


def regimes(board: Board, runs: Runs) -> Figure:
    """Test accuracy against the age of the completions. Regimes without a single age are shown beside the axis."""
    arms = _arms(board.boards)
    lines = []
    for place, arm in enumerate(arms):
        there = [
            (part.regime, row, row.accuracy)
            for part in board.boards
            for row in part.arms
            if shown(row.objective) == arm.name and row.accuracy
        ]
        if there:
            lines.append(_by_age(place, there, runs))
    return Figure(
        id="regimes",
        title="Test accuracy by age of the completions",
        y="test accuracy, %",
        axes=[AGE],
        arms=arms,
        panels=[Panel(name="all regimes", axis=0, lines=lines)],
    )


def age_of(regime: str) -> float | str:
    """The age of the completions in optimiser steps, or the name of the regime if they have no single age."""
    spec = RegimeSpec.parse(regime)
    return spec.steps if spec.kind in ("on_policy", "stale") else regime


def _by_age(arm: int, there: Sequence[tuple[str, ArmRow, Interval]], runs: Runs) -> Line:
    singles: dict[int, dict[float | str, float]] = {}
    for regime, row, _ in there:
        for run in _finished(row, runs):
            assert run.test
            singles.setdefault(run.config.seed, {})[age_of(regime)] = run.test.summary.accuracy
    return line(
        arm,
        [[age_of(regime) for regime, _, _ in there]],
        [accuracy for _, _, accuracy in there],
        [len(row.seeds) for _, row, _ in there],
        [
            Single(name=f"seed {seed}", x=[list(ends)], y=[rounded(100 * share) for share in ends.values()])
            for seed, ends in sorted(singles.items())
        ],
    )


def line(
    arm: int, x: Sequence[Sequence[Place]], y: Sequence[Interval], seeds: Sequence[int], runs: Sequence[Single] = ()
) -> Line:
    """A line of means ``y`` at places ``x``. ``seeds``: the number of runs behind each mean."""
    wide = [number >= BAND_FROM for number in seeds]
    return Line(
        arm=arm,
        seeds=seeds,
        x=x,
        y=[rounded(100 * one.mean) for one in y],
        low=[in_percent(one.low) if show else None for one, show in zip(y, wide, strict=True)],
        high=[in_percent(one.high) if show else None for one, show in zip(y, wide, strict=True)],
        text=[points(one) for one in y],
        runs=runs,
    )


def _panel(
    name: str, unit: str, rows: Sequence[ArmRow], units: Sequence[str], places: Mapping[str, int], runs: Runs
) -> Panel:
    lines = [
        line(
            places[shown(row.objective)],
            _x([(point.spent, point.kl) for point in row.curve], units),
            [point.accuracy for point in row.curve],
            [len(row.seeds)] * len(row.curve),
            [_single(run, units) for run in _finished(row, runs)],
        )
        for row in rows
        if row.curve
    ]
    return Panel(name=name, axis=units.index(unit) if unit in units else 0, lines=lines)


def _single(run: RunResult, units: Sequence[str]) -> Single:
    return Single(
        name=f"seed {run.config.seed}",
        x=_x([(point.spent, point.kl) for point in run.curve], units),
        y=[rounded(100 * point.accuracy) for point in run.curve],
    )


def _x(points: Sequence[tuple[Mapping[str, float], float | None]], units: Sequence[str]) -> list[list[Place]]:
    """The x values for each axis: first the units, then KL."""
    spent: list[list[Place]] = [[rounded(found[unit]) for found, _ in points] for unit in units]
    return [*spent, [None if kl is None else rounded(kl) for _, kl in points]]


def _finished(row: ArmRow, runs: Runs) -> list[RunResult]:
    return [run for run_id in row.run_ids if (run := runs[run_id]).status == "finished" and run.test]


def _units(rows: Sequence[ArmRow]) -> list[str]:
    """The units in which any of the rows spends anything."""
    return [unit for unit in COSTS if any(point.spent[unit] for row in rows for point in row.curve)] or [COSTS[0]]


def _axis(unit: str) -> Axis:
    return Axis(label=unit.replace("_", " "), kind="budget")


def _arms(parts: Sequence[RegimeBoard]) -> list[Arm]:
    names = dict.fromkeys(shown(row.objective) for part in parts for row in part.rows)
    controls = dict.fromkeys(shown(row.objective) for part in parts for row in part.controls)
    return arms_of(list(names), [name for name in controls if name not in names])
