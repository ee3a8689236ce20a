"""Pictures of a leaderboard."""

from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

Row = dict[str, Any]
Style = tuple[str, str]
PNG: dict[str, Any] = {"dpi": 150, "metadata": {"Software": None}}
"""Without the version that drew it, so that the same numbers give the same bytes."""


def learning_curves(board: Row, path: Path) -> None:
    """Validation accuracy against budget spent: a panel a regime, a line an arm, t-intervals as bands."""
    boards = board["boards"]
    figure = Figure(figsize=(8, 4.8 * len(boards)), layout="constrained")
    styles = _styles(boards)
    for axes, part in zip(figure.subplots(len(boards), squeeze=False)[:, 0], boards, strict=True):
        for row in [*part["rows"], *part["controls"]]:
            points = row["curve"]
            if not points:
                continue
            spent = [point["spent"] for point in points]
            _line(axes, spent, points, row["objective"], styles[row["objective"]])
        unit = part["budget"]["unit"].replace("_", " ")
        axes.set(title=f"{board['suite']}, {part['regime']}", xlabel=f"budget spent ({unit})")
        axes.set_ylabel("validation accuracy, % of samples")
        axes.legend(frameon=False, loc="lower right", ncols=2 if len(part["rows"]) > 6 else 1)
    figure.savefig(path, **PNG)


def accuracy_by_regime(board: Row, path: Path) -> None:
    """Test accuracy in each regime, from fresh completions to a fixed set; t-intervals as bands."""
    boards = board["boards"]
    figure = Figure(figsize=(8, 4.8), layout="constrained")
    axes = figure.subplots()
    styles = _styles(boards)
    for name, style in styles.items():
        found = {
            place: row["accuracy"]
            for place, part in enumerate(boards)
            for row in [*part["rows"], *part["controls"]]
            if row["objective"] == name and row["accuracy"]
        }
        _line(axes, list(found), list(found.values()), name, style)
    axes.set_xticks(range(len(boards)), [part["regime"] for part in boards])
    axes.set(title=f"{board['suite']}: older completions to the right", xlabel="regime")
    axes.set_ylabel("test accuracy, % of samples")
    axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    figure.savefig(path, **PNG)


def _styles(boards: list[Row]) -> dict[str, Style]:
    """Colour and dashes of each arm, the same in every panel; controls are grey."""
    names = dict.fromkeys(row["objective"] for part in boards for row in part["rows"])
    controls = dict.fromkeys(row["objective"] for part in boards for row in part["controls"])
    palette = {name: (f"C{place % 10}", ("-", "--")[place // 10 % 2]) for place, name in enumerate(names)}
    return palette | {name: ("0.6", ":") for name in controls if name not in names}


def _line(axes: Axes, x: list[float], points: list[Row], name: str, style: Style) -> None:
    colour, dashes = style
    axes.plot(x, [100 * p["mean"] for p in points], dashes, marker="o", markersize=3, label=name, color=colour)
    if all(point["low"] is not None for point in points):
        low, high = ([100 * point[end] for point in points] for end in ("low", "high"))
        axes.fill_between(x, low, high, color=colour, alpha=0.12, linewidth=0)
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
