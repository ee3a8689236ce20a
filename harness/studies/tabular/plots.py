"""The curves of the convergence study."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.studies.tabular.problems import BEHAVIOURS

Row = dict[str, Any]
FLOORS = {True: 1e-8, False: 1e-4}
"""Lower end of a row of panels, in nats, by whether any of its objectives gets there on data not its own."""
FAMILIES = {False: "mu not in the loss", True: "mu in the loss"}
"""Whether an objective is told how likely the behaviour was to draw its data."""
DASHES: Sequence[Any] = ("-", (0, (5, 2)), (0, (1, 1.2)), (0, (5, 1.5, 1, 1.5)))


def convergence_curves(study: Row, path: Path) -> None:
    """KL to the optimum against step: a column a behaviour, a row for each kind of objective."""
    split = {title: [row for row in study["rows"] if row["uses_behaviour"] is kind] for kind, title in FAMILIES.items()}
    families = {title: rows for title, rows in split.items() if rows}
    figure = Figure(figsize=(15, 1 + 3.8 * len(families)), layout="constrained")
    grid = figure.subplots(len(families), len(BEHAVIOURS), sharex=True, sharey="row", squeeze=False)
    for (title, rows), panels in zip(families.items(), grid, strict=True):
        floor = FLOORS[any(row["behaviour"] != "on-policy" and row["reached"] == 1 for row in rows)]
        for behaviour, axes in zip(BEHAVIOURS, panels, strict=True):
            _panel(axes, [row for row in rows if row["behaviour"] == behaviour])
        panels[0].set_ylim(floor, 10)
        panels[0].set_ylabel("KL(pi || pi*), nats")
        panels[-1].legend(
            frameon=False,
            loc="center left",
            bbox_to_anchor=(1.02, 0.5),
            title=title,
            title_fontproperties={"weight": "bold"},
            alignment="left",
            handlelength=3.5,
        )
    for behaviour, top, bottom in zip(BEHAVIOURS, grid[0], grid[-1], strict=True):
        top.set_title(f"data: {behaviour}")
        bottom.set_xlabel("gradient step")
    figure.savefig(path, dpi=110, metadata={"Software": None})


def _panel(axes: Axes, rows: Sequence[Row]) -> None:
    """A line an objective; the first are the widest, so that those that lie on each other all show."""
    for i, row in enumerate(rows):
        steps, distances = zip(*row["curve"], strict=True)
        width = max(1.3, 4.5 - 1.1 * i)
        axes.plot(
            steps, distances, color=f"C{i % 10}", linestyle=DASHES[i % 4], linewidth=width, label=row["objective"]
        )
    axes.set(xscale="log", yscale="log")
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
