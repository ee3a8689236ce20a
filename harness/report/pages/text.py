"""A leaderboard as Markdown, and as tables in the terminal: the same cells."""

from collections.abc import Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Group
from rich.table import Table
from rich.text import Text

from harness.report.pages.cells import BEHAVED, REACHED, TOOK, across, behaved, reached, shown, took
from harness.report.pages.notes import notes, summary, warnings

Row = dict[str, Any]
KEPT_WHOLE = ("model", "accuracy %", "difference", "acc@1 %", "greedy %")
AFTERWARDS = (("What that took, a run", TOOK, took), ("How it got there", BEHAVED, behaved))


def markdown(board: Row) -> str:
    """The leaderboard as a Markdown document: the regimes side by side, then a section each."""
    boards = board["boards"]
    lines = [f"# {escaped(board['suite'])}", "", *(f"**Warning:** {escaped(line)}\n" for line in warnings(board))]
    if len(boards) > 1:
        lines += ["Test accuracy % (rank), by regime:", "", *pipes(*across(boards)), ""]
    for part in boards:
        lines += [f"## {part['regime']}", ""] if len(boards) > 1 else []
        lines += [*map(escaped, summary(part)), ""]
        for title, rows in (("", part["rows"]), ("Controls:", part["controls"])):
            if rows:
                lines += [title, ""] if title else []
                lines += [*pipes(REACHED, map_rows(reached, rows)), ""]
        for title, headers, cells in AFTERWARDS:
            lines += [f"{title}:", "", *pipes(headers, map_rows(cells, part["rows"] + part["controls"])), ""]
        lines += ["<details><summary>The runs behind these numbers</summary>", ""]
        lines += [
            f"- {escaped(row['objective'])}: {', '.join(map(escaped, row['run_ids']))}"
            for row in part["rows"] + part["controls"]
        ]
        lines += ["", "</details>", ""]
    return "\n".join([*lines, *(f"- {escaped(note)}" for note in notes(board)), ""])


def tables(board: Row) -> Group:
    """The leaderboard for the terminal: what was reached, and below it what that took; 80 columns wide."""
    boards = board["boards"]
    parts: list[str | Text | Table] = [Text(f"warning: {shown(line)}", style="yellow") for line in warnings(board)]
    for part in boards:
        parts += [Text(shown(line)) for line in summary(part)]
        for title, rows in (("", part["rows"]), ("Controls", part["controls"])):
            parts += [table(REACHED, map_rows(reached, rows), title)] if rows else []
        for title, headers, cells in AFTERWARDS:
            parts.append(table(headers, map_rows(cells, part["rows"] + part["controls"]), title))
    if len(boards) > 1:
        parts.append(table(*across(boards), "test accuracy % (rank), by regime"))
    return Group(*parts, *(Text(f"- {shown(note)}") for note in notes(board)))


def map_rows(cells: Any, rows: Sequence[Row]) -> list[list[str]]:
    return [cells(row) for row in rows]


def escaped(text: str) -> str:
    """As Markdown that shows it, whatever it holds."""
    for mark, entity in (("&", "&amp;"), ("<", "&lt;"), ("|", "\\|")):
        text = text.replace(mark, entity)
    return " ".join(shown(text).split("\n"))


def as_code(text: str) -> str:
    """As a Markdown block that is shown as it is."""
    return "\n".join(f"    {line}" for line in shown(text).split("\n"))


def pipes(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A Markdown table."""
    rule = "| --- " + "| ---: " * (len(headers) - 1) + "|"
    lines = ["| " + " | ".join(map(escaped, cells)) + " |" for cells in (headers, *rows)]
    return [lines[0], rule, *lines[1:]]


def table(headers: Sequence[str], rows: Sequence[Sequence[str]], title: str = "") -> Table:
    """A table for the terminal; the first column holds names."""
    made = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), title=title or None, title_justify="left")
    for header in headers:
        made.add_column(header, justify="left" if header == headers[0] else "right", no_wrap=header in KEPT_WHOLE)
    for row in rows:
        made.add_row(*(Text(shown(cell)) for cell in row))
    return made
