"""Tables: their columns, and how they are written as Markdown and in the terminal. All tables are written here."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from harness.report.numbers.interval import Interval
from harness.report.pages.cells import NONE, escaped, percent, points, shown

R = TypeVar("R")
P = TypeVar("P")
HINT = "--explain prints what the columns mean"
"""Below a table in the terminal, in place of its legend."""


@dataclass(frozen=True, slots=True)
class Column(Generic[R]):
    """A column of a table whose rows are values of type ``R``."""

    name: str
    text: Callable[[R], str]
    value: Callable[[R], float | str | None]
    """The value that a page sorts by. None sorts last."""
    note: str = ""
    """A line of the legend. It may also explain the columns beside this one."""
    whole: bool = False
    """Whether the cells stay on one line in a narrow terminal."""


def interval(
    name: str, of: Callable[[R], Interval | None], note: str = "", *, signed: bool = False, whole: bool = False
) -> Column[R]:
    """A column of means with their intervals, in percent."""

    def mean(row: R) -> float | None:
        return None if (found := of(row)) is None else found.mean

    return Column(name, lambda row: points(of(row), signed=signed), mean, note, whole=whole)


def within(
    of: Callable[[R], P | None],
    name: str,
    text: Callable[[P], str],
    value: Callable[[P], float | None],
    note: str = "",
) -> Column[R]:
    """A column on a part of a row, which the row may lack."""

    def found(row: R) -> float | None:
        return None if (part := of(row)) is None else value(part)

    return Column(name, lambda row: NONE if (part := of(row)) is None else text(part), found, note, whole=True)


def share(name: str, of: Callable[[R], float | None], note: str = "") -> Column[R]:
    """A column of shares, in percent."""
    return Column(name, lambda row: percent(of(row)), of, note)


@dataclass(frozen=True, kw_only=True, slots=True)
class Grid:
    """A table whose cells are text."""

    headers: Sequence[str]
    rows: Sequence[Sequence[str]]
    texts: int = 1
    """The number of columns, from the left, that hold words. The others hold numbers."""
    whole: Collection[str] = ()
    """Headers of the columns whose cells stay on one line in a narrow terminal."""

    def markdown(self) -> list[str]:
        """The lines of the Markdown table."""
        rule = "| --- " * self.texts + "| ---: " * (len(self.headers) - self.texts) + "|"
        lines = ["| " + " | ".join(map(escaped, cells)) + " |" for cells in (self.headers, *self.rows)]
        return [lines[0], rule, *lines[1:]]

    def terminal(self, title: str = "", *, total: bool = False) -> Table:
        """The table for the terminal. ``total``: the last row is the sum of the others, so it is bold."""
        made = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), title=title or None, title_justify="left")
        for place, header in enumerate(self.headers):
            justify: Literal["left", "right"] = "left" if place < self.texts else "right"
            made.add_column(Text(shown(header)), justify=justify, no_wrap=header in self.whole)
        for row in self.rows:
            made.add_row(*(Text(shown(cell)) for cell in row), style="bold" if total and row is self.rows[-1] else "")
        return made


def grid(columns: Sequence[Column[R]], rows: Iterable[R]) -> Grid:
    return Grid(
        headers=[column.name for column in columns],
        rows=[[column.text(row) for column in columns] for row in rows],
        whole=[column.name for column in columns if column.whole],
    )


def legend(*tables: Sequence[Column[R]]) -> list[str]:
    """The notes of all columns, in order."""
    return [column.note for columns in tables for column in columns if column.note]
