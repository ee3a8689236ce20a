"""A sweep as Markdown, and in the terminal."""

from collections.abc import Iterator
from typing import Any

from rich.console import Group

from harness.config.run_config import flat
from harness.report.pages.cells import NONE, points
from harness.report.pages.grid import Grid
from harness.studies.staleness.sweep import Line, Point, Sweep

FRESH = "fresh"
OF_START = "*"
ALWAYS_TOLD = ("optimizer.learning_rate",)
"""Of the optimiser; its other settings are told where they differ between points."""

HEAD = """# {suite}: accuracy against the age of the completions

Test accuracy in %, the mean over seeds ± half its 95 % t-interval. A column is a lag K in {unit}: each update is on
completions of the weights of K {unit} before; the first ones are of the start policy, and so are younger. An objective
may take several optimiser steps on a batch, so that the same lag in batches is a larger one in steps. Each point's
settings stand below; those of fresh completions may be others.
"""


def as_markdown(sweep: Sweep) -> str:
    """The whole document."""
    lines = [HEAD.format(suite=sweep.suite, unit=_unit(sweep)), *by_lag(sweep).markdown(), ""]
    lines += [f"{note}\n" for note in notes(sweep)]
    lines += ["![Accuracy against lag](staleness.png)", "", "## In full", "", *in_full(sweep).markdown(), ""]
    return "\n".join(lines)


def in_terminal(sweep: Sweep) -> Group:
    """The table with its notes."""
    title = f"{sweep.suite}: test accuracy, %, by lag in {_unit(sweep)}"
    return Group(by_lag(sweep).terminal(title), *notes(sweep))


def by_lag(sweep: Sweep) -> Grid:
    """A line an arm, a column a lag."""
    rows = []
    for line in sweep.lines:
        found = [line.at(lag, sweep.unit) for lag in sweep.lags]
        rows.append([line.arm, *(cell(point) if point else NONE for point in found)])
    return Grid(headers=("objective", *(str(lag) if lag else FRESH for lag in sweep.lags)), rows=rows)


def cell(point: Point) -> str:
    """Its accuracy, marked where the lag reaches past the end of the run, and how many runs are not in it."""
    mark = f" {OF_START}" if point.of_start else ""
    absent = [
        f"{len(found)} {word}"
        for word, found in (("failed", point.failed), ("unfinished", point.unfinished), ("missing", point.missing))
        if found
    ]
    return points(point.accuracy) + mark + (f" ({', '.join(absent)})" if absent else "")


def notes(sweep: Sweep) -> Iterator[str]:
    """What the table does not say by itself."""
    past = [point for line in sweep.lines for point in line.points if point.of_start]
    if past:
        counts = ", ".join(sorted({str(point.trained) for point in past}))
        yield (
            f"{OF_START} as long as a run of {counts} batches or longer: all completions are of the start policy, each "
            "trained on once; a larger lag would be the same training."
        )
    if any(line.at(lag, sweep.unit) is None for line in sweep.lines for lag in sweep.lags):
        yield f"{NONE} no run at that lag."
    for line in sweep.lines:
        if not line.one_setting:
            yield (
                f"{line.arm} does not have the same settings at all lags, so its line shows settings and lag together: "
                f"{'; '.join(f'{point.lag(sweep.unit)}: {_told(line, point)}' for point in line.stale)}."
            )


def in_full(sweep: Sweep) -> Grid:
    """A line a point: the lag counted both ways, what was trained on, the runs, the settings."""
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
    """The objective's fields, the learning rate, and whatever differs between the arm's points."""
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
