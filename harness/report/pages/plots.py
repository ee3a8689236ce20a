"""The pictures of a leaderboard."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from io import BytesIO
from itertools import cycle
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, FixedLocator, LogLocator, MaxNLocator, NullLocator
from PIL import Image

from harness.config.budget import UNITS
from harness.report.numbers.document import ArmRow, Board, RegimeBoard
from harness.report.numbers.interval import Interval
from harness.report.pages.curves import BAND_FROM, age_of
from harness.report.pages.figures import COLOURS

DPI = 110
CONTROL_COLOUR, CONTROL_DASHES = "0.35", (":", "-.", "--")
LINES = (("-", "o"), ("--", "s"), (":", "^"), ("-.", "D"))
"""Dashes and markers. The next pair is used when the colours repeat."""
PANEL, ENTRY = 3.8, 0.23
"""The heights of a panel and of a line of the legend, in inches."""


class Style(NamedTuple):
    """The look of an arm, in matplotlib's terms."""

    colour: str
    dashes: str
    marker: str


def pictures(board: Board) -> dict[str, Figure]:
    """All pictures, by file name without suffix. A picture compares the regimes if there are several."""
    found = {"learning-curves": learning_curves(board), "budgets": budgets(board), "kl": kl_against_accuracy(board)}
    if any(row.fit for _, row in board.arms):
        found["ceilings"] = ceilings(board)
    return found | ({"regimes": regimes(board)} if len(board.boards) > 1 else {})


NAMES = ("learning-curves", "budgets", "kl", "ceilings", "regimes")


def save(figure: Figure, file: Path | BinaryIO) -> None:
    """Writes a picture as PNG in 256 colours. It looks the same, and takes a third of the bytes.

    The same numbers give the same bytes, with one version of matplotlib and Pillow.
    """
    drawn = BytesIO()
    figure.savefig(drawn, dpi=DPI)
    with Image.open(drawn) as image:
        image.convert("RGB").quantize().save(file, "PNG", optimize=True)


def learning_curves(board: Board) -> Figure:
    """Validation accuracy against the budget: one panel per regime, one line per arm, t-intervals as bands."""

    def draw(axes: Axes, part: RegimeBoard, styles: dict[str, Style]) -> None:
        _against_unit(axes, part, part.budget.unit, styles)

    return _panels(board, draw, "validation accuracy, %")


def budgets(board: Board) -> Figure:
    """Validation accuracy against every budget unit, with one row of panels per regime."""
    parts = board.boards
    figure = Figure(figsize=(2.9 * len(UNITS), 2.9 * len(parts) + 0.5), layout="constrained")
    styles = _styles(parts)
    grid = figure.subplots(len(parts), len(UNITS), squeeze=False, sharey="row")
    for places, part in zip(grid, parts, strict=True):
        for axes, unit in zip(places, UNITS, strict=True):
            _against_unit(axes, part, unit, styles)
            finish(axes)
        places[0].set_ylabel(f"{part.regime}\nvalidation accuracy, %")
    named = _named(figure)
    figure.legend(named.values(), named.keys(), loc="outside upper center", ncols=6, frameon=False)
    return figure


def kl_against_accuracy(board: Board) -> Figure:
    """Validation accuracy against the KL divergence from the reference, for each point of the learning curves."""

    def draw(axes: Axes, part: RegimeBoard, styles: dict[str, Style]) -> None:
        for row in part.arms:
            found = [(point.kl, point.accuracy) for point in row.curve if point.kl is not None]
            if found:
                _line(axes, [kl for kl, _ in found], [span for _, span in found], row, styles, band=False)
        axes.set_xlabel("KL from the reference, nats per completion")

    return _panels(board, draw, "validation accuracy, %")


def ceilings(board: Board) -> Figure:
    """Validation accuracy against FLOPs on a logarithmic axis, with the saturating fits, up to twice the budget."""

    def draw(axes: Axes, part: RegimeBoard, styles: dict[str, Style]) -> None:
        for row in part.rows:
            if row.fit:
                _fit(axes, row, part.budget.unit, styles[row.objective])
        axes.set(xlabel="FLOPs (logarithmic)", xscale="log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter(EngFormatter(sep=""))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))  # a fit is refused in one regime only

    figure = _panels(board, draw, "validation accuracy, %", shared=False)
    panels = figure.axes
    entries = max(len(axes.get_legend_handles_labels()[0]) for axes in panels)
    figure.set_figheight(len(panels) * max(PANEL, _height(entries)))
    return figure


def _fit(axes: Axes, row: ArmRow, unit: str, style: Style) -> None:
    """Draw the means of an arm, and its fitted curve, pale where it is an extrapolation."""
    assert row.fit
    colour, dashes, marker = style
    start, *later = row.curve
    spent, flops = ([point.spent[of] for point in later] for of in (unit, "flops"))
    means = [100 * point.accuracy.mean for point in later]
    name = literal(row.objective) + (f" ({row.fit.refused})" if row.fit.refused else "")
    axes.plot(flops, means, marker, markersize=3, color=colour, label=name)
    if row.fit.refused:
        return
    for first, last, alpha in ((spent[0], spent[-1], 1.0), (spent[-1], 2 * spent[-1], 0.3)):
        places = np.geomspace(first, last)
        beyond = np.maximum(places / spent[-1], 1.0)
        accuracies = row.fit.at(start.accuracy.mean, places)
        axes.plot(np.interp(places, spent, flops) * beyond, 100 * accuracies, dashes, color=colour, alpha=alpha)


def regimes(board: Board) -> Figure:
    """Test accuracy against the age of the completions. Regimes without a single age are shown beside the axis."""
    parts, styles = board.boards, _styles(board.boards)
    ages = [age_of(part.regime) for part in parts]
    numbers = sorted(age for age in ages if not isinstance(age, str))
    names = [age for age in ages if isinstance(age, str)]
    end = np.log2(1 + max(numbers, default=0)) + 1.0
    places = {age: float(np.log2(1 + age)) for age in numbers} | {name: end + i for i, name in enumerate(names)}
    figure = Figure(figsize=(9, 4.8), layout="constrained")
    axes = figure.subplots()
    for turn, arm in enumerate(styles):
        shift = 0.4 * (turn / max(1, len(styles) - 1) - 0.5)
        stretches: list[Sequence[float | str]] = [numbers, *([name] for name in names)]
        for there in stretches:
            _at_ages(axes, parts, arm, there, {age: place + shift for age, place in places.items()}, styles)
    axes.set_xticks(list(places.values()), ["0 (fresh)" if age == 0 else str(age) for age in places])
    axes.set(title=literal(board.suite), xlabel="age of the completions, optimiser steps (logarithmic)")
    axes.set_ylabel("test accuracy, %")
    finish(axes)
    legend_beside(figure)
    return figure


def _at_ages(
    axes: Axes,
    parts: Sequence[RegimeBoard],
    name: str,
    ages: Sequence[float | str],
    places: Mapping[float | str, float],
    styles: dict[str, Style],
) -> None:
    """Draw the means of an arm at these ages as a connected line."""
    found = {
        places[age]: (row, row.accuracy)
        for age in ages
        for part in parts
        for row in part.arms
        if age_of(part.regime) == age and row.objective == name and row.accuracy
    }
    if found:
        fewest = min((row for row, _ in found.values()), key=lambda row: len(row.seeds))
        _line(axes, list(found), [span for _, span in found.values()], fewest, styles, band=False)


def legend_beside(figure: Figure) -> None:
    """Name the lines of all panels, each once, on the right. The figure becomes higher if the names need it."""
    found = _named(figure)
    figure.set_figheight(max(figure.get_figheight(), _height(len(found))))
    figure.legend(found.values(), found.keys(), loc="outside right center", frameon=False)


def _named(figure: Figure) -> dict[str, Artist]:
    """The lines of all panels by their name, each once."""
    return {name: line for axes in figure.axes for line, name in zip(*axes.get_legend_handles_labels(), strict=True)}


def _height(entries: int) -> float:
    """Inches that a legend with this many entries needs."""
    return ENTRY * entries + 0.4


def _panels(
    board: Board, draw: Callable[[Axes, RegimeBoard, dict[str, Style]], None], ylabel: str, *, shared: bool = True
) -> Figure:
    """One panel per regime. ``shared``: with one legend for all of them."""
    parts = board.boards
    figure = Figure(figsize=(9, PANEL * len(parts)), layout="constrained")
    styles = _styles(parts)
    for axes, part in zip(figure.subplots(len(parts), squeeze=False)[:, 0], parts, strict=True):
        draw(axes, part, styles)
        axes.set(title=f"{literal(board.suite)}, {part.regime}", ylabel=ylabel)
        finish(axes)
    if shared:
        legend_beside(figure)
    return figure


def _against_unit(axes: Axes, part: RegimeBoard, unit: str, styles: dict[str, Style]) -> None:
    for row in part.arms:
        if row.curve:
            spent = [point.spent[unit] for point in row.curve]
            if len(set(spent)) > 1:
                _line(axes, spent, [point.accuracy for point in row.curve], row, styles)
            else:  # the arm never spends this unit, and would be a point at the edge
                _across(axes, row, styles)
    axes.set_xlabel(unit.replace("_", " "))
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))


def _styles(parts: Sequence[RegimeBoard]) -> dict[str, Style]:
    """The look of each arm, the same in every panel. Controls are grey."""
    names = dict.fromkeys(row.objective for part in parts for row in part.rows)
    controls = dict.fromkeys(row.objective for part in parts for row in part.controls)
    grey = zip((name for name in controls if name not in names), cycle(CONTROL_DASHES), strict=False)
    return dict(zip(names, looks(), strict=False)) | {name: Style(CONTROL_COLOUR, line, "o") for name, line in grey}


def _line(
    axes: Axes,
    x: Sequence[float],
    spans: Sequence[Interval],
    row: ArmRow,
    styles: dict[str, Style],
    *,
    band: bool = True,
) -> None:
    """Draw mean accuracies as a line, with intervals if ``row`` has enough seeds.

    Intervals are a band, or bars if x may decrease along the line.
    """
    colour, dashes, marker = styles[row.objective]
    means = [100 * span.mean for span in spans]
    axes.plot(x, means, dashes, marker=marker, markersize=3, label=literal(row.objective), color=colour)
    if len(row.seeds) >= BAND_FROM:
        low = [100 * span.low for span in spans if span.low is not None]
        high = [100 * span.high for span in spans if span.high is not None]
        if band:
            axes.fill_between(x, low, high, color=colour, alpha=0.12, linewidth=0)
        else:
            axes.vlines(x, low, high, color=colour, alpha=0.4)


def _across(axes: Axes, row: ArmRow, styles: dict[str, Style]) -> None:
    """Draw a horizontal line at the last mean of the arm."""
    colour, dashes, _ = styles[row.objective]
    mean = 100 * row.curve[-1].accuracy.mean
    axes.axhline(mean, linestyle=dashes, linewidth=1.8, color=colour, label=literal(row.objective))


def looks() -> Iterator[Style]:
    """Looks for any number of lines. The first 28 differ."""
    return cycle([Style(colour, *line) for line in LINES for colour in COLOURS])


def logarithmic(axes: Axes, places: Sequence[float]) -> None:
    """Make the x axis logarithmic, with a tick at each of these whole numbers and at no other place."""
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator(places))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticks(places, [str(place) for place in places])


def literal(text: str) -> str:
    """A text that matplotlib shows as it is: neither as mathematics nor as the hidden label of a line."""
    plain = "".join(c if c.isprintable() else "?" for c in text).replace("$", r"\$")
    return f"\u2009{plain}" if plain.startswith("_") else plain


def finish(axes: Axes) -> None:
    low, high = axes.get_ylim()
    axes.set_ylim(max(low, -2), min(high, 102))
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
