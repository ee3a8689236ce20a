"""The figure: pass@k against k, one panel per regime."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.report.pages.plots import Style, finish, literal, logarithmic, looks
from harness.studies.passes.curves import Curve, Passes

START_COLOUR = "0.2"


def passes_picture(found: Passes) -> Figure:
    names = list(dict.fromkeys(curve.objective for curve in found.curves))
    styles = dict(zip(names, looks(), strict=False))
    panels = len(found.regimes)
    figure = Figure(figsize=(2.4 + 4.2 * panels, 4.6), layout="constrained")
    grid = figure.subplots(1, panels, sharey=True, squeeze=False)[0]
    for axes, regime in zip(grid, found.regimes, strict=True):
        _line(axes, found.start, (START_COLOUR, "-."))
        for curve in found.curves:
            if curve.regime == regime:
                _line(axes, curve, styles[curve.objective])
        axes.set(title=f"{literal(found.suite)}, {regime}", xlabel="k (logarithmic)")
        logarithmic(axes, found.ks)
        finish(axes, legend=False)
    grid[0].set_ylabel("pass@k, %")
    named = {name: line for axes in grid for line, name in zip(*axes.get_legend_handles_labels(), strict=True)}
    figure.legend(named.values(), named.keys(), loc="outside right center", frameon=False)
    return figure


def _line(axes: Axes, curve: Curve, look: Style) -> None:
    colour, dashes = look
    means = [100 * point.accuracy.mean for point in curve.points]
    places = [point.k for point in curve.points]
    axes.plot(places, means, dashes, color=colour, marker="o", markersize=3, label=literal(curve.objective))
