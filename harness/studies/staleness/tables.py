"""A sweep as Markdown and as a table for the terminal."""

from collections.abc import Iterator
from typing import Any

from rich.console import Group
from rich.text import Text

from harness.config.run_config import flat
from harness.report.numbers.document import Collapsed
from harness.report.pages.cells import NONE, points
from harness.report.pages.grid import Grid
from harness.report.pages.notes import collapse_note
from harness.studies.staleness.sweep import Line, Point, Sweep

FRESH = "fresh"
OF_START = "*"
ALWAYS_TOLD = ("optimizer.learning_rate",)
"""Optimiser settings that are always shown. The others are shown if they differ between points."""

HEAD = """# {suite}: accuracy against the age of the completions

The table shows test accuracy in %: the mean over seeds ± half its 95 % t-interval, for these test problems. Each column
is a lag K in {unit}. Every update uses completions that were sampled with the weights of K {unit} before. The first
completions come from the start policy, so they are younger. An objective may take several optimiser steps per batch.
The same lag in batches is then larger in steps. The settings of each point are listed below. Settings for fresh
completions may differ.
"""


def as_markdown(sweep: Sweep) -> str:
    """The whole document."""
    lines = [HEAD.format(suite=sweep.suite, unit=_unit(sweep)), *by_lag(sweep).markdown(), ""]
    lines += [f"{note}\n" for note in notes(sweep)]
    lines += ["![Accuracy against lag](staleness.png)", "", "## All points", "", *in_full(sweep).markdown(), ""]
    return "\n".join(lines)


def in_terminal(sweep: Sweep) -> Group:
    """The table with its notes."""
    title = f"{sweep.suite}: test accuracy, %, by lag in {_unit(sweep)}"
    return Group(by_lag(sweep).terminal(title), *map(Text, notes(sweep)))


def by_lag(sweep: Sweep) -> Grid:
    """A table with one row per arm and one column per lag."""
    rows = []
    for line in sweep.lines:
        found = [line.at(lag, sweep.unit) for lag in sweep.lags]
        rows.append([line.arm, *(cell(point) if point else NONE for point in found)])
    return Grid(headers=("objective", *(str(lag) if lag else FRESH for lag in sweep.lags)), rows=rows)


def cell(point: Point) -> str:
    """The accuracy of a point, marked if the lag is longer than the run, and the number of unusual runs."""
    mark = f" {OF_START}" if point.of_start else ""
    unusual = {
        "collapsed": _fallen(point),
        "failed": point.failed,
        "unfinished": point.unfinished,
        "missing": point.missing,
    }
    counts = ", ".join(f"{len(found)} {word}" for word, found in unusual.items() if found)
    return points(point.accuracy) + mark + (f" ({counts})" if counts else "")


def _fallen(point: Point) -> tuple[Collapsed, ...]:
    return point.spread.collapsed if point.spread else ()


def notes(sweep: Sweep) -> Iterator[str]:
    """Notes below the table."""
    past = [point for line in sweep.lines for point in line.points if point.of_start]
    if past:
        counts = ", ".join(sorted({str(point.trained) for point in past}))
        yield (
            f"{OF_START} The lag is at least as long as a run of {counts} batches. All completions come from the start "
            "policy, and each is used once. A larger lag would give the same training."
        )
    if any(line.at(lag, sweep.unit) is None for line in sweep.lines for lag in sweep.lags):
        yield f"{NONE} There is no run at that lag."
    for line in sweep.lines:
        for point in line.points:
            if point.spread and point.spread.collapsed:
                at = f"lag {point.lag(sweep.unit)}" if point.batches else FRESH
                yield f"{collapse_note(f'{line.arm}, {at}', point.spread, len(point.seeds))}."
        if not line.one_setting:
            yield (
                f"{line.arm} has different settings at different lags, so its line shows the effect of both: "
                f"{'; '.join(f'{point.lag(sweep.unit)}: {_told(line, point)}' for point in line.stale)}."
            )


def in_full(sweep: Sweep) -> Grid:
    """A table with one row per point: its lag in both units, its data, its runs and its settings."""
    headers = ("objective", "settings", "batches", "steps", "mean age, batches", "seeds", "accuracy %")
    rows = [
        [
            line.arm,
            _told(line, point),
            str(point.batches),
            str(point.steps),
            NONE if point.age is None else f"{point.age:.1f}",
            str(len(point.seeds)),
            cell(point),
        ]
        for line in sweep.lines
        for point in line.points
    ]
    return Grid(headers=headers, rows=rows, texts=2)


def _told(line: Line, point: Point) -> str:
    """The fields of the objective, the learning rate, and all settings that differ between the points of the arm."""
    every = [flat(one.settings) for one in line.points]
    mine = flat(point.settings)
    told = {key: value for key, value in mine.items() if _is_told(key, every)}
    return ", ".join(f"{key.rpartition('.')[2]} {_number(value)}" for key, value in told.items())


def _is_told(key: str, every: list[dict[str, Any]]) -> bool:
    own = not key.startswith("optimizer.")
    return own or key in ALWAYS_TOLD or len({str(settings.get(key)) for settings in every}) > 1


def _number(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _unit(sweep: Sweep) -> str:
    return "batches" if sweep.unit == "batches" else "optimiser steps"
