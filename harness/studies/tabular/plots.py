"""The figures of the studies of convergence and of leaks."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.report.pages.plots import save
from harness.studies.tabular.leak import DATA
from harness.studies.tabular.lengths import UNSEEN_FROM
from harness.studies.tabular.problems import BEHAVIOURS

Row = dict[str, Any]
FLOORS = {True: 1e-8, False: 1e-4}
"""The lower end of a row of panels, in nats, by whether any objective in it reaches the optimum on off-policy data."""
FAMILIES = {False: "mu not in the loss", True: "mu in the loss"}
"""Whether the loss of an objective uses the behaviour's probabilities of the data."""
NAMED = ("agro", "reinforce", "grpo", "ppo", "agro_tapered", "agro_proximal", "agro_anchored")
"""The objectives with colours and names in the figure of leaks, if there are many. The others are grey."""
SEVERAL = 8
"""Up to this number of objectives, all have colours and names."""
QUANTITIES = ("accuracy", f"mass on {UNSEEN_FROM} steps and more", "mean of pi / mu")
LEAST_RATIO = 1e-3
DASHES: Sequence[Any] = ("-", (0, (5, 2)), (0, (1, 1.2)), (0, (5, 1.5, 1, 1.5)))


def convergence_curves(study: Row, path: Path) -> None:
    """KL from the optimum against the step, with one column per behaviour and one row per kind of objective."""
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
    save(figure, path)


def _panel(axes: Axes, rows: Sequence[Row]) -> None:
    """Draw one line per objective. The first lines are the widest, so that overlapping lines remain visible."""
    for i, row in enumerate(rows):
        steps, distances = zip(*row["curve"], strict=True)
        width = max(1.3, 4.5 - 1.1 * i)
        axes.plot(
            steps, distances, color=f"C{i % 10}", linestyle=DASHES[i % 4], linewidth=width, label=row["objective"]
        )
    axes.set(xscale="log", yscale="log")
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)


def leak_curves(study: Row, path: Path) -> None:
    """Accuracy, probability of unseen completions and mean ratio by update, with one column per kind of data."""
    labels = list(dict.fromkeys(row["objective"] for row in study["rows"]))
    named = labels if len(labels) <= SEVERAL else [label for label in NAMED if label in labels]
    figure = Figure(figsize=(13, 9), layout="constrained")
    grid = figure.subplots(len(QUANTITIES), len(DATA), sharex=True, sharey="row")
    for i, (quantity, panels) in enumerate(zip(QUANTITIES, grid, strict=True), 1):
        for data, axes in zip(DATA, panels, strict=True):
            rows = [row for row in study["rows"] if row["data"] == data]
            for row in sorted(rows, key=lambda row: row["objective"] in named):
                _way(axes, row, i, named)
            axes.grid(alpha=0.3)
            axes.spines[["top", "right"]].set_visible(False)
        panels[0].set_ylabel(quantity)
    for data, top, bottom in zip(DATA, grid[0], grid[-1], strict=True):
        top.set_title(f"data: {data}")
        bottom.set(xlabel="update", yscale="log", ylim=(LEAST_RATIO, 3))
    handles, texts = grid[0][0].get_legend_handles_labels()
    figure.legend(handles, texts, loc="outside right center", frameon=False)
    save(figure, path)


def _way(axes: Axes, row: Row, quantity: int, named: Sequence[str]) -> None:
    """Draw the line of one objective. ``quantity``: the index of the quantity in a point of the curve."""
    updates = [point[0] for point in row["curve"]]
    values = [float("nan") if point[quantity] is None else point[quantity] for point in row["curve"]]
    if quantity == len(QUANTITIES):
        values = [max(value, LEAST_RATIO) for value in values]
    if row["objective"] in named:
        place = named.index(row["objective"])
        axes.plot(updates, values, color=f"C{place}", linestyle=DASHES[place % 4], linewidth=2, label=row["objective"])
    else:
        axes.plot(updates, values, color="0.8", linewidth=1)
