"""The data of the figures that a page draws with its own script. The script reads it as JSON.

We wrote the script ourselves. A plotting library would add hundreds of kilobytes or more to every page. Most libraries
also need inline styles or evaluated code, which the content security policy of a page forbids. Lines, bands and labels
take a few hundred lines of our own.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""The palette of Okabe and Ito, which colour-blind readers can tell apart. Yellow is left out: white hides it."""
Place = float | str | None
"""A number on an axis, the name of a place beside the numbers, or None for nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Axis:
    """A quantity for the x axis."""

    label: str
    kind: Literal["budget", "measured", "lag"]
    """``budget``: arms that never spend it are drawn as horizontal lines. ``lag``: a logarithmic axis that includes 0
    and has named places beside the numbers."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Arm:
    """The name and style of a line, the same in every panel."""

    name: str
    colour: int
    """An index into ``COLOURS``; -1 for the grey of controls."""
    dash: int
    """The number of a dash pattern; 0 for a solid line."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Single:
    """The line of one run."""

    name: str
    x: Sequence[Sequence[Place]]
    """One sequence per axis."""
    y: Sequence[float]


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """The means of an arm, their intervals if there are enough seeds, and its runs."""

    arm: int
    seeds: Sequence[int]
    """The number of runs behind each mean."""
    x: Sequence[Sequence[Place]]
    y: Sequence[float]
    """In percent, like ``low`` and ``high``."""
    low: Sequence[float | None]
    high: Sequence[float | None]
    text: Sequence[str]
    """Each mean in the format of the tables."""
    runs: Sequence[Single] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Panel:
    """Lines that are shown together."""

    name: str
    axis: int
    """The index of the axis that is shown first."""
    lines: Sequence[Line]


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """An interactive figure."""

    id: str
    title: str
    y: str
    axes: Sequence[Axis]
    arms: Sequence[Arm]
    panels: Sequence[Panel]

    @property
    def in_table(self) -> list[tuple[int, str]]:
        """Index and label of the axes that the table of the figure shows: the first axis, and all measured ones."""
        first = self.panels[0].axis
        return [(i, axis.label) for i, axis in enumerate(self.axes) if i == first or axis.kind == "measured"]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def arms_of(names: Sequence[str], controls: Sequence[str] = ()) -> list[Arm]:
    """Styles for the arms, in order. When colours repeat, the dash pattern changes. Controls are grey."""
    many = len(COLOURS)
    found = [Arm(name=name, colour=i % many, dash=i // many) for i, name in enumerate(names)]
    return found + [Arm(name=name, colour=-1, dash=1 + i) for i, name in enumerate(controls)]


def rounded(number: float) -> float | int:
    """A number with six digits, more than a picture can show."""
    short = float(f"{number:.6g}")
    return int(short) if short.is_integer() else short


def in_percent(share: float | None) -> float | None:
    return None if share is None else rounded(100 * share)
