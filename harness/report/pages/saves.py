"""What a page offers to save, kept inside it: texts, and what its script makes CSV of."""

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
"""By file name: how the page's script makes it."""
MOST_VERDICTS = 250_000
"""Counts of correct samples that a page holds, a character each; more of them stand in a file beside it alone."""
CURVES: dict[str, Any] = {"kind": "curves"}
"""Of the page's figure."""


def of_board(board: Board, results: Sequence[RunResult]) -> Saves:
    """The tables, the curves, and the verdicts on every test problem, as far as a page has room for them."""
    saves: Saves = {"leaderboard.csv": {"kind": "text", "text": as_csv(board)}, "curves.csv": CURVES}
    if sum(len(run.test.summary.verdicts) for run in results if run.test) <= MOST_VERDICTS:
        saves["verdicts.csv"] = _verdicts(results)
    return saves


def of_comparison(found: SideBySide) -> Saves:
    """What each side spent, the curves, and every problem with its counts and its p."""
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
    """Correct samples of each run and problem, a character each; a set of problems once for all its runs."""
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
    """One character, from "0" on; behind "9" come others."""
    return chr(48 + number)
