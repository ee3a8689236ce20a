"""The curves as Markdown and as tables for the terminal."""

from rich.console import Group
from rich.text import Text

from harness.report.pages.cells import NONE, points
from harness.report.pages.grid import HINT, Grid
from harness.report.pages.notes import quick_look
from harness.studies.passes.curves import Curve, Passes, Point

HEAD = """# {suite}: pass@k before and after training

{what}

    {command}

![pass@k against k](pass-at-k.png)
"""
NOTES = (
    "pass@k: the probability that at least one of k samples is correct, in %, estimated without bias from all samples "
    "of a problem and averaged over problems and seeds. Brackets: a 95 % interval for other seeds and other problems "
    "of the same kind, or for other problems alone in the row of the start. It needs two seeds",
    "gain: the difference to the model before training, paired by problem, in points, with such an interval. It is not "
    "corrected for other comparisons",
    "If training only makes correct answers more frequent, pass@1 rises and pass@k of a large k does not. If it also "
    "solves new problems, both rise",
)


def as_markdown(found: Passes) -> str:
    lines = [HEAD.format(suite=found.suite, what=_what(found), command=found.command)]
    for regime in found.regimes:
        lines += [f"## {regime}", "", *by_k(found, regime).markdown(), ""]
    return "\n".join([*lines, *(f"- {note}" for note in NOTES), ""])


def in_terminal(found: Passes, *, explain: bool) -> Group:
    parts = [by_k(found, regime).terminal(f"{found.suite}, {regime}: pass@k, %") for regime in found.regimes]
    return Group(*parts, Text(_what(found)), *(Text(f"- {note}") for note in (NOTES if explain else [HINT])))


def by_k(found: Passes, regime: str) -> Grid:
    """One row per objective, with the model before training first."""
    ks = found.ks
    headers = ["objective", "seeds", *(f"pass@{k}" for k in ks), f"gain at {ks[0]}", f"gain at {ks[-1]}"]
    rows = [_row(curve) for curve in (found.start, *(one for one in found.curves if one.regime == regime))]
    return Grid(headers=headers, rows=rows, whole=headers)


def _row(curve: Curve) -> list[str]:
    found = [points(point.accuracy) for point in curve.points]
    seeds = str(len(curve.seeds)) if curve.seeds else NONE
    return [curve.objective, seeds, *found, _gain(curve.points[0]), _gain(curve.points[-1])]


def _gain(point: Point) -> str:
    return points(point.gain, signed=True)


def _what(found: Passes) -> str:
    said = f"{found.problems} test problems, {found.samples} samples of each, with the temperature of training."
    return f"Warning: {quick_look(found.limit)}. {said}" if found.limit else said
