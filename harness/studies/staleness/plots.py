"""The figure of a sweep: accuracy against the lag, on a logarithmic axis."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.report.pages.curves import BAND_FROM
from harness.report.pages.plots import Style, finish, legend_beside, literal, logarithmic, looks
from harness.studies.staleness.lags import UNITS, Unit
from harness.studies.staleness.sweep import Line, Point, Sweep

CAPTIONS: dict[Unit, str] = {"batches": "lag, batches", "steps": "lag, optimiser steps"}
SPREAD = 0.16
"""The distance, in decades, between the marks of the first and the last arm at one lag. It keeps intervals apart."""


def staleness_picture(sweep: Sweep) -> Figure:
    """A panel for fresh completions, then one for each unit of lags, or a single one if both units agree."""
    units: tuple[Unit, ...] = (sweep.unit,) if sweep.same_in_steps else UNITS
    figure = Figure(figsize=(2.6 + 4.6 * len(units), 4.6), layout="constrained")
    first, *others = figure.subplots(1, 1 + len(units), sharey=True, width_ratios=[1, *(4 for _ in units)])
    for place, (line, look) in enumerate(zip(sweep.lines, looks(), strict=False)):
        shift = place / max(1, len(sweep.lines) - 1) - 0.5
        _fresh(first, line, look, shift)
        for axes, unit in zip(others, units, strict=True):
            _curve(axes, line, unit, look, shift)
    _finish_fresh(first)
    for axes, unit in zip(others, units, strict=True):
        _logarithmic(axes, sweep, unit)
    if any(point.of_start for line in sweep.lines for point in line.points):
        others[0].plot([], [], "o", markerfacecolor="white", color="0.4", label="start policy only")
    for axes in (first, *others):
        finish(axes)
    figure.suptitle(f"{literal(sweep.suite)}: accuracy by age of the completions")
    legend_beside(figure)
    return figure


def _fresh(axes: Axes, line: Line, look: Style, shift: float) -> None:
    point = line.at(0, "steps")
    if point and point.accuracy:
        _mark(axes, shift, point, look)


def _curve(axes: Axes, line: Line, unit: Unit, look: Style, shift: float) -> None:
    """Draw a line through the means. It has a gap at lags without a finished run."""
    places = [point.lag(unit) * 10 ** (SPREAD * shift) for point in line.stale]
    means = [100 * point.accuracy.mean if point.accuracy else float("nan") for point in line.stale]
    axes.plot(places, means, look.dashes, color=look.colour)
    axes.plot([], [], look.dashes, marker=look.marker, markersize=4.5, color=look.colour, label=literal(line.arm))
    for place, point in zip(places, line.stale, strict=True):
        if point.accuracy:
            _mark(axes, place, point, look)


def _mark(axes: Axes, place: float, point: Point, look: Style) -> None:
    """Draw a mean, with its interval if there are enough seeds. It is hollow if all data come from the start policy."""
    assert point.accuracy
    span, face = point.accuracy, "white" if point.of_start else look.colour
    axes.plot(
        [place], [100 * span.mean], look.marker, markersize=4.5, color=look.colour, markerfacecolor=face, zorder=3
    )
    if span.low is not None and span.high is not None and len(point.seeds) >= BAND_FROM:
        axes.vlines([place], 100 * span.low, 100 * span.high, color=look.colour, alpha=0.6, linewidth=1.5)


def _finish_fresh(axes: Axes) -> None:
    axes.set_xlim(-1, 1)
    axes.set_xticks([0], ["fresh"])
    axes.set_ylabel("test accuracy, %")


def _logarithmic(axes: Axes, sweep: Sweep, unit: Unit) -> None:
    """Make the x axis logarithmic, with a tick at each lag."""
    lags = sorted({point.lag(unit) for line in sweep.lines for point in line.stale})
    logarithmic(axes, lags)
    axes.set_xlim(min(lags) / 1.8, max(lags) * 1.8)
    axes.set_xlabel(CAPTIONS[unit])
