"""A leaderboard as Markdown, and as a table in the terminal: the same cells."""

from collections.abc import Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Group
from rich.table import Table

ACCURACY = ("objective", "seeds", "accuracy %", "start %", "gain", "difference to baseline")
COSTS = ("KL, nats", "sampled", "steps", "tokens", "FLOPs", "seconds", "truncated %", "timeouts %")
HEADERS = (*ACCURACY, *COSTS)
Row = dict[str, Any]
UNIT_OF = {
    "sampled": "sampled_completions",
    "steps": "optimizer_steps",
    "tokens": "sampled_tokens",
    "FLOPs": "flops",
    "seconds": "seconds",
}


def markdown(board: Row) -> str:
    """The leaderboard as a Markdown document: the regimes side by side, then a section each."""
    boards = board["boards"]
    lines = [f"# {board['suite']}", ""]
    if len(boards) > 1:
        lines += ["Test accuracy %, by regime:", "", *_pipes(*across(boards)), ""]
    for part in boards:
        lines += [f"## {part['regime']}", ""] if len(boards) > 1 else []
        lines += [*summary(part), "", *_pipes(HEADERS, [cells(row) for row in part["rows"]]), ""]
        if part["controls"]:
            lines += ["Controls:", "", *_pipes(HEADERS, [cells(row) for row in part["controls"]]), ""]
    return "\n".join([*lines, *(f"- {note}" for note in notes(board)), ""])


def tables(board: Row) -> Group:
    """The leaderboard for the terminal: what was reached, and below it what that took; 80 columns wide."""
    boards, split = board["boards"], len(ACCURACY)
    parts: list[str | Table] = []
    for part in boards:
        rows = [*part["rows"], *part["controls"]]
        parts += summary(part)
        for title, found in (("", part["rows"]), ("controls", part["controls"])):
            parts += [_table(ACCURACY, [cells(row)[:split] for row in found], title)] if found else []
        parts.append(_table(("objective", *COSTS), [[row["objective"], *cells(row)[split:]] for row in rows]))
    if len(boards) > 1:
        parts.append(_table(*across(boards), "test accuracy %, by regime"))
    return Group(*parts, *(f"- {note}" for note in notes(board)))


def across(boards: Sequence[Row]) -> tuple[list[str], list[list[str]]]:
    """Headers and rows: an arm a row, controls last, its mean accuracy in each regime a column."""
    found = {part["regime"]: {row["objective"]: row for row in [*part["rows"], *part["controls"]]} for part in boards}
    controls = dict.fromkeys(row["objective"] for part in boards for row in part["controls"])
    names = dict.fromkeys(row["objective"] for part in boards for row in part["rows"])
    rows = [
        [name, *(_points(of[name]["accuracy"], signed=False) if name in of else "–" for of in found.values())]
        for name in (names | controls)
    ]
    return ["objective", *found], rows


def summary(part: Row) -> list[str]:
    """What is compared, in a sentence or two."""
    budget = part["budget"]
    baseline = part["baseline"] or "none of the objectives here"
    said = [
        f"Test accuracy after {budget['total']:,.0f} {budget['unit'].replace('_', ' ')} a run, regime "
        f"`{part['regime']}`; the baseline is {baseline}."
    ]
    if part["shared_completions"]:
        said.append(
            f"All were trained on the same {part['shared_completions']:,} completions of the reference (one set a "
            "seed); each run is charged for them, though they were sampled once."
        )
    if part["same_as_agro"]:
        pair = part["same_as_agro"]
        said.append(
            f"A/A: `rloo`, whose gradient is `agro`'s, gave the same verdict on every test completion on "
            f"{pair['same']} of {pair['seeds']} seeds."
        )
    return said


def notes(board: Row) -> list[str]:
    """How to read the tables."""
    rows = [row for part in board["boards"] for row in [*part["rows"], *part["controls"]]]
    found = [
        "sampled: completions; steps: of the optimiser; tokens: sampled ones; FLOPs: of all models involved",
        "accuracy: share of correct samples on the test split, mean over seeds with its 95 % t-interval",
        "difference: paired by seed and problem, in points, with a 95 % t-interval over seeds",
    ]
    if any(row["status"] == "preliminary" for row in rows):
        found.append("preliminary: fewer than 5 seeds, so the order of the rows is no ranking")
    if any(row["unmatched"] for row in rows):
        found.append("*: differs by more than 5 % from what the baseline spends; without a baseline, from the mean")
    for part in board["boards"]:
        for row in [*part["rows"], *part["controls"]]:
            if row["failed_seeds"]:
                found.append(
                    f"{row['objective']}, {part['regime']}: {row['failed_seeds']} of its runs failed and are not in "
                    "its numbers"
                )
    if len(board["commits"]) > 1 or any(commit.endswith("-dirty") for commit in board["commits"]):
        found.append(f"code: {', '.join(board['commits'])}; runs of differing or uncommitted code may not compare")
    return found


def cells(row: Row) -> list[str]:
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
        "–" if gain is None else _signed(gain),
        _points(row["difference"], signed=True),
        "–" if row["kl"] is None else f"{row['kl']:.3g}",
        *costs.values(),
        _percent(row["truncated"]),
        _percent(row["grader_timeouts"]),
    ]


def _points(interval: dict[str, float | None] | None, *, signed: bool) -> str:
    if interval is None or interval["mean"] is None:
        return "–"
    show = _signed if signed else _percent
    text = show(interval["mean"])
    if interval["low"] is None or interval["high"] is None:
        return text
    return f"{text} [{show(interval['low'])}, {show(interval['high'])}]"


def _signed(share: float) -> str:
    return f"{round(100 * share, 1) + 0.0:+.1f}"  # + 0.0: no negative zero


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f}"


def _count(number: float) -> str:
    """Three digits and a unit: 1.23M."""
    for size, suffix in ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:.3g}{suffix}"
    return f"{number:.3g}"


def _pipes(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A Markdown table."""
    rule = "| --- " + "| ---: " * (len(headers) - 1) + "|"
    return ["| " + " | ".join(headers) + " |", rule, *("| " + " | ".join(row) + " |" for row in rows)]


def _table(headers: Sequence[str], rows: Sequence[Sequence[str]], title: str = "") -> Table:
    made = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), title=title or None, title_justify="left")
    for header in headers:
        made.add_column(header, justify="left" if header == "objective" else "right")
    for row in rows:
        made.add_row(*row)
    return made
