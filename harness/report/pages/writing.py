"""Writing the files of a report into the folder of the suite. The same runs give the same bytes."""

import json
from collections.abc import Sequence
from pathlib import Path

import pyarrow.parquet as pq

from harness.records.results import RunResult
from harness.report.numbers.document import Board
from harness.report.numbers.side_by_side import SideBySide
from harness.report.pages.exports import as_csv, by_problem_and_run, dataset_card, marl_eval
from harness.report.pages.page import compare_page, leaderboard_page
from harness.report.pages.plots import NAMES, pictures, save
from harness.report.pages.text import markdown

TEXTS = (
    "leaderboard.md",
    "leaderboard.json",
    "leaderboard.csv",
    "leaderboard.html",
    "marl-eval.json",
    "dataset-card.md",
)
PICTURES = tuple(f"{name}.png" for name in NAMES)
PROBLEMS = "problems.parquet"
FILES = (*TEXTS, *PICTURES, PROBLEMS)


def write_leaderboard(board: Board, results: Sequence[RunResult], folder: Path, links: dict[str, str]) -> list[str]:
    """Write all ``FILES`` that this leaderboard has, remove the others, and return the names of those written."""
    folder.mkdir(parents=True, exist_ok=True)
    figures = pictures(board)
    contents = (
        markdown(board),
        board.as_json(),
        as_csv(board),
        leaderboard_page(board, results, links),
        json.dumps(marl_eval(board.suite, results), indent=1) + "\n",
        dataset_card(board),
    )
    for name, content in zip(TEXTS, contents, strict=True):
        (folder / name).write_text(content, encoding="utf-8")
    pq.write_table(by_problem_and_run(results), folder / PROBLEMS, compression="zstd")
    for name in PICTURES:
        (folder / name).unlink(missing_ok=True)
    for name, figure in figures.items():
        save(figure, folder / f"{name}.png")
    return [*TEXTS, *(f"{name}.png" for name in figures), PROBLEMS]


def write_comparison(found: SideBySide, folder: Path, links: dict[str, str]) -> Path:
    """Write ``compare.html`` into the folder of the suite, and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "compare.html"
    path.write_text(compare_page(found, links), encoding="utf-8")
    return path
