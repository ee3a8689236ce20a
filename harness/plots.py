"""Pictures of a leaderboard."""

from pathlib import Path
from typing import Any

from matplotlib.figure import Figure


def learning_curves(board: dict[str, Any], path: Path) -> None:
    """Validation accuracy against budget spent, a line an objective, its t-interval over seeds as a band."""
    figure = Figure(figsize=(8, 4.8), layout="constrained")
    axes = figure.subplots()
    for row in board["rows"]:
        points = row["curve"]
        if not points:
            continue
        spent = [point["spent"] for point in points]
        (line,) = axes.plot(spent, [100 * p["mean"] for p in points], marker="o", markersize=3, label=row["objective"])
        if all(point["low"] is not None for point in points):
            low, high = ([100 * point[end] for point in points] for end in ("low", "high"))
            axes.fill_between(spent, low, high, color=line.get_color(), alpha=0.15, linewidth=0)
    unit = board["budget"]["unit"].replace("_", " ")
    axes.set(
        title=f"{board['suite']}, {board['regime']}",
        xlabel=f"budget spent ({unit})",
        ylabel="validation accuracy, % of samples",
    )
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="lower right")
    figure.savefig(path, dpi=150, metadata={"Software": None})
