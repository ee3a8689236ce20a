"""The figure: pass@k against k, one panel per regime."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.report.pages.plots import Style, finish, legend_beside, literal, logarithmic, looks
from harness.studies.passes.curves import Curve, Passes

START_COLOUR = "0.2"
SPREAD = 0.3
"""The distance, in doublings of k, between the marks of the first and the last curve. It keeps intervals apart."""


def passes_picture(found: Passes) -> Figure:
    names = list(dict.fromkeys(curve.objective for curve in found.curves))
    styles = dict(zip(names, looks(), strict=False))
    panels = len(found.regimes)
    figure = Figure(figsize=(2.4 + 4.2 * panels, 4.6), layout="constrained")
    grid = figure.subplots(1, panels, sharey=True, squeeze=False)[0]
    for axes, regime in zip(grid, found.regimes, strict=True):
        _line(axes, found.start, Style(START_COLOUR, "-.", "o"), -0.5)
        for place, name in enumerate(names, 1):
            for curve in found.curves:
                if (curve.objective, curve.regime) == (name, regime):
                    _line(axes, curve, styles[name], place / len(names) - 0.5)
        axes.set(title=f"{literal(found.suite)}, {regime}", xlabel="k (logarithmic)")
        logarithmic(axes, found.ks)
    for axes in grid:  # not before all panels are drawn, because they share the limits that this sets
        finish(axes)
    grid[0].set_ylabel("pass@k, %")
    legend_beside(figure)
    return figure


def _line(axes: Axes, curve: Curve, look: Style, shift: float) -> None:
    """Draw a curve with its intervals."""
    colour, dashes, marker = look
    means = [100 * point.accuracy.mean for point in curve.points]
    places = [point.k * 2 ** (SPREAD * shift) for point in curve.points]
    axes.plot(places, means, dashes, color=colour, marker=marker, markersize=3, label=literal(curve.objective))
    for place, point in zip(places, curve.points, strict=True):
        low, high = point.accuracy.low, point.accuracy.high
        if low is not None and high is not None:
            axes.vlines(place, 100 * low, 100 * high, color=colour, alpha=0.4)
