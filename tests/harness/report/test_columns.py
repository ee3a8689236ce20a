"""A column in the list of columns is in every format, with the same text."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from harness.records.results import RunResult
from harness.report.numbers.board import build
from harness.report.numbers.document import ArmRow, Board
from harness.report.numbers.interval import Interval
from harness.report.pages.cells import count, digits, percent, points
from harness.report.pages.columns import BEHAVED, REACHED, TOOK, across
from harness.report.pages.exports import dataset_card
from harness.report.pages.grid import Column, Grid, grid
from harness.report.pages.page import leaderboard_page
from harness.report.pages.text import markdown, tables
from tests.support.results import records_of, result, suite, with_verdicts
from tests.support.written import in_markdown, in_page, in_terminal, lines_of


@pytest.fixture
def runs(small_runs: dict[str, Path]) -> list[RunResult]:
    """Five seeds of two arms that differ, a control and a failed run, in two regimes."""
    records = records_of(small_runs, "agro")
    failed = [*records[:-1], records[-1] | {"status": "failed", "reason": "disk"}]
    runs = [result(failed, objective__name="agro", seed=9)]
    for regime in ("on_policy", "offline"):
        for name, good in (("agro", "cc"), ("grpo", "cw"), ("frozen", "ww")):
            for seed in range(5):
                verdicts = {f"{n:02}": good for n in range(10)} | {f"{seed:02}": "cw"}
                control = {"objective__control": "frozen"} if name == "frozen" else {}
                changed = {"objective__name": name, "seed": seed, "regime": regime} | control
                runs.append(result(with_verdicts(records, verdicts), **changed))
    return runs


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (18.44, "18.4"),
        (999.4, "999"),
        (999.6, "1k"),
        (1234, "1.23k"),
        (999_999, "1M"),
        (2.44e12, "2.44T"),
        (1.5e18, "1.5E"),
        (1e20, "100E"),
        (1.69e-16, "1.69e-16"),
    ],
)
def test_three_digits_and_a_unit(number: float, text: str) -> None:
    assert count(number) == digits(number) == text


def test_zero_has_no_minus() -> None:
    assert percent(-0.0004) == "0.0"
    assert points(Interval(mean=0.0001, low=-0.0003, high=0.0009)).startswith("0.0 [0.0, ")


@pytest.fixture
def board(runs: list[RunResult]) -> Board:
    return build(suite(), runs)


@pytest.mark.parametrize("columns", [REACHED, TOOK, BEHAVED])
def test_every_column_is_written_everywhere_with_the_same_text(
    board: Board, columns: Sequence[Column[ArmRow]], runs: list[RunResult]
) -> None:
    for part in board.boards:
        lines = lines_of(grid(columns, part.arms))
        assert len(lines) == 4
        for written in (
            in_markdown(markdown(board)),
            in_terminal(tables(board)),
            in_page(leaderboard_page(board, runs, {})),
            *([in_markdown(dataset_card(board))] if columns is REACHED else []),
        ):
            assert [line for line in lines if line not in written] == []


def test_so_is_the_table_across_regimes(board: Board, runs: list[RunResult]) -> None:
    lines = lines_of(grid(*across(board.boards)))
    assert lines[0] == ["objective", "on_policy", "offline"] and len(lines) == 4
    for written in (
        in_markdown(markdown(board)),
        in_terminal(tables(board)),
        in_page(leaderboard_page(board, runs, {})),
    ):
        assert [line for line in lines if line not in written] == []


def test_what_a_page_sorts_by_goes_with_the_text(board: Board) -> None:
    """There is no value if the cell says that there is none. Words are sorted as words."""
    for column in (*REACHED, *TOOK, *BEHAVED):
        for _, row in board.arms:
            text, value = column.text(row), column.value(row)
            assert value == text if isinstance(value, str) else (value is None) == (text == "–")


def test_a_table_holds_whatever_its_cells_hold() -> None:
    made = Grid(headers=("name", "of | what"), rows=[["a|b <i>", "1"], ["[bold]x[/bold]", "2"]])
    lines = ["| name | of \\| what |", "| --- | ---: |", "| a\\|b &lt;i> | 1 |", "| [bold]x[/bold] | 2 |"]
    assert made.markdown() == lines
    assert ["[bold]x[/bold]", "2"] in in_terminal(made.terminal("a title"))
    assert Grid(headers="abc", rows=[], texts=2).markdown()[1] == "| --- | --- | ---: |"
