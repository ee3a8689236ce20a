"""Pictures of a leaderboard."""

from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

Row = dict[str, Any]
Style = tuple[str, str]
PNG: dict[str, Any] = {"dpi": 120, "metadata": {"Software": None}}
"""Without the version that drew it, so that the same numbers give the same bytes."""
COLOURS = [f"C{i}" for i in range(10) if i != 7]
CONTROL: Style = ("0.6", ":")
BAND_FROM = 3
"""Seeds from which an interval is drawn: with two it is wider than the picture."""


def learning_curves(board: Row, path: Path) -> None:
    """Validation accuracy against budget spent: a panel a regime, a line an arm, t-intervals as bands."""
    boards = board["boards"]
    figure = Figure(figsize=(9, 3.8 * len(boards)), layout="constrained")
    styles = _styles(boards)
    for axes, part in zip(figure.subplots(len(boards), squeeze=False)[:, 0], boards, strict=True):
        for row in [*part["rows"], *part["controls"]]:
            points = row["curve"]
            if points:
                _line(axes, [point["spent"] for point in points], points, row, styles)
        unit = part["budget"]["unit"].replace("_", " ")
        axes.set(title=f"{board['suite']}, {part['regime']}", xlabel=f"budget spent ({unit})")
        _finish(axes, "validation accuracy, % of samples")
    figure.savefig(path, **PNG)


def accuracy_by_regime(board: Row, path: Path) -> None:
    """Test accuracy in each regime, from fresh completions to a fixed set; t-intervals as bands."""
    boards = board["boards"]
    figure = Figure(figsize=(9, 4.8), layout="constrained")
    axes = figure.subplots()
    styles = _styles(boards)
    for name in styles:
        found = {
            place: row
            for place, part in enumerate(boards)
            for row in [*part["rows"], *part["controls"]]
            if row["objective"] == name and row["accuracy"]
        }
        if found:
            fewest = min(found.values(), key=lambda row: len(row["seeds"]))
            _line(axes, list(found), [row["accuracy"] for row in found.values()], fewest, styles)
    axes.set_xticks(range(len(boards)), [part["regime"] for part in boards])
    axes.set(title=f"{board['suite']}: older completions to the right", xlabel="regime")
    _finish(axes, "test accuracy, % of samples")
    figure.savefig(path, **PNG)


def _styles(boards: list[Row]) -> dict[str, Style]:
    """Colour and dashes of each arm, the same in every panel; controls are grey."""
    names = dict.fromkeys(row["objective"] for part in boards for row in part["rows"])
    controls = dict.fromkeys(row["objective"] for part in boards for row in part["controls"])
    many = len(COLOURS)
    palette = {name: (COLOURS[i % many], ("-", "--")[i // many % 2]) for i, name in enumerate(names)}
    return palette | {name: CONTROL for name in controls if name not in names}


def _line(axes: Axes, x: list[float], points: list[Row], row: Row, styles: dict[str, Style]) -> None:
    """A line of means, with its band where ``row`` has seeds enough."""
    colour, dashes = styles[row["objective"]]
    means = [100 * point["mean"] for point in points]
    axes.plot(x, means, dashes, marker="o", markersize=3, label=row["objective"], color=colour)
    if len(row["seeds"]) >= BAND_FROM:
        low, high = ([100 * point[end] for point in points] for end in ("low", "high"))
        axes.fill_between(x, low, high, color=colour, alpha=0.12, linewidth=0)


def _finish(axes: Axes, ylabel: str) -> None:
    axes.set_ylabel(ylabel)
    low, high = axes.get_ylim()
    axes.set_ylim(max(low, -2), min(high, 102))
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
