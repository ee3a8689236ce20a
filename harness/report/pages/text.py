"""A leaderboard as Markdown and as terminal tables, with the same columns."""

from rich.console import Group
from rich.table import Table
from rich.text import Text

from harness.report.numbers.document import Board
from harness.report.pages.cells import escaped, shown
from harness.report.pages.columns import REACHED, across
from harness.report.pages.fitted import below
from harness.report.pages.grid import HINT, grid
from harness.report.pages.notes import explanations, flags, lead, notes, remarks, summary, warnings


def markdown(board: Board) -> str:
    """The leaderboard as a Markdown document: what was compared, accuracies, reasons to doubt them, and the rest."""
    several = len(board.boards) > 1
    doubts = [f"**Warning:** {escaped(line)}\n" for line in warnings(board)]
    lines = [f"# {escaped(board.suite)}", "", *(f"{escaped(line)}\n" for line in (lead(board), *flags(board)))]
    if several:
        lines += ["Test accuracy % (rank), by regime:", "", *grid(*across(board.boards)).markdown(), "", *doubts]
    for part in board.boards:
        lines += [f"## {part.regime}", ""] if several else []
        lines += [*map(escaped, summary(part)), ""]
        for title, rows in (("", part.rows), ("Controls:", part.controls)):
            if rows:
                lines += [title, ""] if title else []
                lines += [*grid(REACHED, rows).markdown(), ""]
        lines += [] if several else doubts
        for title, columns, below_rows in below(part):
            lines += [f"{title}:", "", *grid(columns, below_rows).markdown(), ""]
        lines += ["<details><summary>The runs behind these numbers</summary>", ""]
        lines += [f"- {escaped(row.objective)}: {', '.join(map(escaped, row.run_ids))}" for row in part.arms]
        lines += ["", "</details>", ""]
    return "\n".join([*lines, *(f"- {escaped(note)}" for note in notes(board)), ""])


def tables(board: Board, *, explain: bool = True) -> Group:
    """The leaderboard for a terminal of 80 columns: accuracies first, then variation, cost and behaviour.

    ``explain``: print the whole legend, not only a line that says how to get it.
    """
    parts: list[str | Text | Table] = [Text(f"warning: {shown(line)}", style="yellow") for line in warnings(board)]
    for part in board.boards:
        parts += [Text(shown(line)) for line in summary(part)]
        for title, rows in (("", part.rows), ("Controls", part.controls)):
            parts += [grid(REACHED, rows).terminal(title)] if rows else []
        parts += [grid(columns, rows).terminal(title) for title, columns, rows in below(part)]
    if len(board.boards) > 1:
        parts.append(grid(*across(board.boards)).terminal("test accuracy % (rank), by regime"))
    said = [*(explanations(board) if explain else [HINT]), *remarks(board)]
    return Group(*parts, *(Text(f"- {shown(note)}") for note in said))
