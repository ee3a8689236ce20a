"""A leaderboard as Markdown, and as a table in the terminal: the same cells."""

from collections.abc import Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Group
from rich.table import Table

ACCURACY = ("objective", "seeds", "accuracy %", "start %", "gain", "difference to baseline")
COSTS = ("KL, nats", "tokens", "FLOPs", "seconds", "truncated %", "timeouts %")
HEADERS = (*ACCURACY, *COSTS)
UNIT_OF = {"tokens": "sampled_tokens", "FLOPs": "flops", "seconds": "seconds"}


def markdown(board: dict[str, Any]) -> str:
    """The leaderboard as a Markdown document."""
    lines = [f"# {board['suite']}", "", *summary(board), ""]
    lines += ["| " + " | ".join(HEADERS) + " |", "| --- " + "| ---: " * (len(HEADERS) - 1) + "|"]
    lines += ["| " + " | ".join(cells(row)) + " |" for row in board["rows"]]
    return "\n".join([*lines, "", *(f"- {note}" for note in notes(board)), ""])


def tables(board: dict[str, Any]) -> Group:
    """The leaderboard for the terminal: what was reached, and below it what that took; 80 columns wide."""
    split = len(ACCURACY)
    return Group(
        *summary(board),
        _table(ACCURACY, [cells(row)[:split] for row in board["rows"]]),
        _table(("objective", *COSTS), [[row["objective"], *cells(row)[split:]] for row in board["rows"]]),
        *(f"- {note}" for note in notes(board)),
    )


def summary(board: dict[str, Any]) -> list[str]:
    """What is compared, in a sentence or two."""
    budget = board["budget"]
    baseline = board["baseline"] or "none of the objectives here"
    return [
        f"Test accuracy after {budget['total']:,.0f} {budget['unit'].replace('_', ' ')} a run, regime "
        f"`{board['regime']}`; the baseline is {baseline}."
    ]


def notes(board: dict[str, Any]) -> list[str]:
    """How to read the table."""
    found = [
        "accuracy: share of correct samples on the test split, mean over seeds with its 95 % t-interval",
        "difference: paired by seed and problem, in points, with a 95 % t-interval over seeds",
    ]
    if any(row["status"] == "preliminary" for row in board["rows"]):
        found.append("preliminary: fewer than 5 seeds, so the order of the rows is no ranking")
    if any(row["unmatched"] for row in board["rows"]):
        found.append("*: differs from the baseline's by more than 5 %")
    for row in board["rows"]:
        if row["failed_seeds"]:
            found.append(f"{row['objective']}: {row['failed_seeds']} of its runs failed and are not in its numbers")
    if len(board["commits"]) > 1 or any(commit.endswith("-dirty") for commit in board["commits"]):
        found.append(f"code: {', '.join(board['commits'])}; runs of differing or uncommitted code may not compare")
    return found


def cells(row: dict[str, Any]) -> list[str]:
    """One row's texts, in the order of ``HEADERS``."""
    costs = {
        name: "–" if not row["budget"] else _count(row["budget"][unit]) + ("*" if unit in row["unmatched"] else "")
        for name, unit in UNIT_OF.items()
    }
    gain = None if row["accuracy"] is None else row["accuracy"]["mean"] - row["start_accuracy"]
    return [
        row["objective"],
        str(len(row["seeds"])) + (f" ({row['failed_seeds']} failed)" if row["failed_seeds"] else ""),
        _points(row["accuracy"], signed=False),
        _percent(row["start_accuracy"]),
        "–" if gain is None else f"{100 * gain:+.1f}",
        _points(row["difference"], signed=True),
        "–" if row["kl"] is None else f"{row['kl']:.3g}",
        *costs.values(),
        _percent(row["truncated"]),
        _percent(row["grader_timeouts"]),
    ]


def _points(interval: dict[str, float | None] | None, *, signed: bool) -> str:
    if interval is None or interval["mean"] is None:
        return "–"
    sign = "+" if signed else ""
    text = f"{100 * interval['mean']:{sign}.1f}"
    if interval["low"] is None or interval["high"] is None:
        return text
    return f"{text} [{100 * interval['low']:{sign}.1f}, {100 * interval['high']:{sign}.1f}]"


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f}"


def _count(number: float) -> str:
    """Three digits and a unit: 1.23M."""
    for size, suffix in ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:.3g}{suffix}"
    return f"{number:.3g}"


def _table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    made = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for header in headers:
        made.add_column(header, justify="left" if header == "objective" else "right")
    for row in rows:
        made.add_row(*row)
    return made
