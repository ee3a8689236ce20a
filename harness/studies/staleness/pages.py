"""The page of a sweep: an interactive figure, tables, and the settings of each point."""

from collections.abc import Sequence

from harness.report.pages.cells import shown
from harness.report.pages.curves import line
from harness.report.pages.figures import Axis, Figure, Panel, arms_of
from harness.report.pages.figures import Line as Means
from harness.report.pages.page import render
from harness.studies.staleness.lags import UNITS, Unit
from harness.studies.staleness.plots import CAPTIONS
from harness.studies.staleness.sweep import Line, Sweep
from harness.studies.staleness.tables import by_lag, in_full, notes


def staleness_page(sweep: Sweep) -> str:
    """The whole page."""
    contents = [("staleness", "Figure"), ("lags", "By lag"), ("points", "All points with their settings")]
    return render(
        "staleness.html",
        sweep=sweep,
        figure=staleness_figure(sweep),
        contents=contents,
        tables=[("lags", "Test accuracy, %, by lag", by_lag(sweep)), ("points", "All points", in_full(sweep))],
        notes=list(notes(sweep)),
    )


def staleness_figure(sweep: Sweep) -> Figure:
    """Test accuracy against the lag, first in the sweep's own unit. Fresh completions have lag 0."""
    units = [sweep.unit] if sweep.same_in_steps else [sweep.unit, *(unit for unit in UNITS if unit != sweep.unit)]
    return Figure(
        id="staleness",
        title="Test accuracy by age of the completions",
        y="test accuracy, %",
        axes=[Axis(label=CAPTIONS[unit], kind="lag") for unit in units],
        arms=arms_of([shown(one.arm) for one in sweep.lines]),
        panels=[Panel(name=shown(sweep.suite), axis=0, lines=_lines(sweep.lines, units))],
    )


def _lines(lines: Sequence[Line], units: Sequence[Unit]) -> list[Means]:
    """One line per arm, through the lags that have a finished run."""
    found = []
    for place, one in enumerate(lines):
        there = [(point, point.accuracy) for point in one.points if point.accuracy]
        x = [[point.lag(unit) for point, _ in there] for unit in units]
        if there:
            found.append(line(place, x, [span for _, span in there], [len(point.seeds) for point, _ in there]))
    return found
