"""The downloads that a page offers. The page contains their texts, or the data that its script turns into CSV."""

import csv
import io
from collections.abc import Sequence
from typing import Any

from harness.records.results import RunResult
from harness.report.numbers.document import Board
from harness.report.numbers.side_by_side import SideBySide
from harness.report.pages.compare_text import costs
from harness.report.pages.exports import as_csv, plain_cell

Saves = dict[str, dict[str, Any]]
"""Data for the script of the page, by the name of the file that it makes."""
MOST_VERDICTS = 250_000
"""The largest number of counts of correct samples in a page, one character each. More are only in a file beside it."""
CURVES: dict[str, Any] = {"kind": "curves"}
"""The curves of the figure in the page."""


def of_board(board: Board, results: Sequence[RunResult]) -> Saves:
    """The tables, the curves, and the verdicts on every test problem if they are not too many for a page."""
    saves: Saves = {"leaderboard.csv": {"kind": "text", "text": as_csv(board)}, "curves.csv": CURVES}
    if sum(len(run.test.summary.verdicts) for run in results if run.test) <= MOST_VERDICTS:
        saves["verdicts.csv"] = _verdicts(results)
    return saves


def of_comparison(found: SideBySide) -> Saves:
    """What each side spent, the curves, and all problems with their counts and p-values."""
    table = costs(found)
    sides = ("first", "second")
    header = ["problem", *(f"{what}_{side}" for what in ("correct", "samples") for side in sides), "p"]
    problems = [[one.problem, *one.correct, *one.samples, f"{one.p:.4g}"] for one in found.counted]
    return {
        "costs.csv": {"kind": "text", "text": _csv([["quantity", *table.headers[1:]], *table.rows])},
        "curves.csv": CURVES,
        "problems.csv": {"kind": "text", "text": _csv([header, *problems])},
    }


def _csv(rows: Sequence[Sequence[Any]]) -> str:
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerows([list(map(plain_cell, row)) for row in rows])
    return file.getvalue()


def _verdicts(results: Sequence[RunResult]) -> dict[str, Any]:
    """Counts of correct samples per run and problem, one character each. Runs on the same problems share their ids."""
    sets: list[dict[str, Any]] = []
    runs = []
    for run in results:
        if not run.test:
            continue
        verdicts = run.test.summary.verdicts
        ids = sorted(verdicts)
        problems = {"ids": ids, "samples": "".join(_digit(len(verdicts[key])) for key in ids)}
        if problems not in sets:
            sets.append(problems)
        config = run.config
        runs.append(
            {
                "about": [config.regime, config.objective.name, config.seed, run.run_id],
                "set": sets.index(problems),
                "correct": "".join(_digit(verdicts[key].count("c")) for key in ids),
            }
        )
    return {"kind": "verdicts", "problems": sets, "runs": runs}


def _digit(number: int) -> str:
    """A number as one character: "0" to "9", then the characters that follow."""
    return chr(48 + number)
