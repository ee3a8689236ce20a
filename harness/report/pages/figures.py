"""Figures that a page draws by its own script: all that the script must know, as JSON.

The script is our own. A plotting library would put hundreds of kilobytes to megabytes into every page, and most need
inline styles or evaluated code, which a page's content security policy refuses. Lines, bands and labels take a few
hundred lines.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Those of Okabe and Ito, which colour-blind readers tell apart; without yellow, which white paper swallows."""
Place = float | str | None
"""A number, or the name of a place beside the numbers of an axis; None: there is nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Axis:
    """What may lie on the x axis."""

    label: str
    kind: Literal["budget", "measured", "lag"]
    """``budget``: what never spends it is drawn across; ``lag``: logarithmic, with 0 and with places beside numbers."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Arm:
    """A line's name and looks, the same in every panel."""

    name: str
    colour: int
    """Of ``COLOURS``; -1: grey, a control."""
    dash: int
    """0: none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Single:
    """The line of one run."""

    name: str
    x: Sequence[Sequence[Place]]
    """Axis by axis."""
    y: Sequence[float]


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """The means of an arm, with their intervals where seeds are enough, and its runs."""

    arm: int
    seeds: Sequence[int]
    """Runs behind each mean."""
    x: Sequence[Sequence[Place]]
    y: Sequence[float]
    """Percent; so are the ends."""
    low: Sequence[float | None]
    high: Sequence[float | None]
    text: Sequence[str]
    """Each mean as the tables write it."""
    runs: Sequence[Single] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Panel:
    """The lines that are shown together."""

    name: str
    axis: int
    """The one that is shown at first."""
    lines: Sequence[Line]


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """A figure to explore."""

    id: str
    title: str
    y: str
    axes: Sequence[Axis]
    arms: Sequence[Arm]
    panels: Sequence[Panel]

    @property
    def in_table(self) -> list[tuple[int, str]]:
        """Places and labels of the axes that its table shows: that of the first view, and what was measured."""
        first = self.panels[0].axis
        return [(i, axis.label) for i, axis in enumerate(self.axes) if i == first or axis.kind == "measured"]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def arms_of(names: Sequence[str], controls: Sequence[str] = ()) -> list[Arm]:
    """Looks for the arms, in their order: another dash where colours come again; controls are grey."""
    many = len(COLOURS)
    found = [Arm(name=name, colour=i % many, dash=i // many) for i, name in enumerate(names)]
    return found + [Arm(name=name, colour=-1, dash=1 + i) for i, name in enumerate(controls)]


def rounded(number: float) -> float | int:
    """Six digits: more than any picture shows."""
    short = float(f"{number:.6g}")
    return int(short) if short.is_integer() else short


def in_percent(share: float | None) -> float | None:
    return None if share is None else rounded(100 * share)
