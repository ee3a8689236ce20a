"""Saturating fits on boards: which arms have one, and that every format shows the same."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from harness.records.results import RunResult
from harness.report.numbers.board import build
from harness.report.numbers.document import ArmRow, Board, Fit
from harness.report.pages.curves import fits
from harness.report.pages.fitted import FITTED
from harness.report.pages.grid import grid
from harness.report.pages.page import leaderboard_page
from harness.report.pages.plots import pictures
from harness.report.pages.text import markdown, tables
from tests.support.boards import trained
from tests.support.results import records_of, result, suite
from tests.support.written import in_markdown, in_page, in_terminal, lines_of

ARMS = {"agro": (0.8, 0.1), "grpo": (0.7, 0.2), "slow": (0.9, 3.0)}
"""Ceiling, and midpoint as a share of the budget."""


@pytest.fixture(scope="module")
def runs(small_runs: dict[str, Path]) -> list[RunResult]:
    records = records_of(small_runs, "agro")
    return [
        trained(result(records, objective__name=name, seed=seed), *shape, seed)
        for name, shape in ARMS.items()
        for seed in range(6)
    ]


@pytest.fixture(scope="module")
def board(runs: list[RunResult]) -> Board:
    return build(suite(), runs)


def rows_of(board: Board) -> dict[str, ArmRow]:
    return {row.objective: row for row in board.boards[0].rows}


def test_fits_find_what_was_planted(board: Board) -> None:
    rows = rows_of(board)
    fit, other, slow = (rows[name].fit for name in ("agro", "grpo", "slow"))
    assert fit
    assert fit.ceiling
    assert fit.midpoint
    assert fit.ceiling.mean == pytest.approx(0.8, abs=0.01)
    assert fit.midpoint.mean == pytest.approx(10, abs=1)
    assert fit.steepness
    assert fit.steepness.mean == pytest.approx(2, rel=0.1)
    assert fit.steepness.low is not None and fit.steepness.high is not None
    assert fit.steepness.low < 2 < fit.steepness.high
    assert fit.midpoint_in["flops"] == pytest.approx(1000 * fit.midpoint.mean, rel=0.01)
    assert fit.higher
    assert fit.higher.mean == pytest.approx(0.1, abs=0.01)
    assert fit.faster
    assert fit.faster.mean == pytest.approx(2, rel=0.1)
    assert fit.faster.low is not None
    assert fit.faster.low > 1
    assert other
    assert (other.higher, other.faster) == (None, None)  # the baseline itself
    assert slow
    assert slow.refused == "does not level off"
    assert fit.at(0.4, 1e9) == pytest.approx(fit.ceiling.mean)
    with pytest.raises(ValueError, match="does not level off"):
        slow.at(0.4, 10)


def test_every_format_shows_the_fits(board: Board, runs: list[RunResult]) -> None:
    table = grid(FITTED, board.boards[0].rows)
    for lines in (in_markdown(markdown(board)), in_page(leaderboard_page(board, runs, {})), in_terminal(tables(board))):
        assert all(line in lines for line in lines_of(table))
    assert "ceilings" in pictures(board)
    assert any("does not level off" in cell for row in table.rows for cell in row)


def test_the_figure_has_the_fitted_curves_in_every_unit(board: Board) -> None:
    figure = fits(board)
    assert figure
    (panel,) = figure.panels
    assert [figure.arms[line.arm].name for line in panel.lines] == ["agro", "grpo"]  # slow has no fit
    units = [axis.label for axis in figure.axes]
    for line in panel.lines:
        fit = rows_of(board)[figure.arms[line.arm].name].fit
        assert fit and fit.midpoint
        spent, flops = (line.x[units.index(unit)] for unit in ("sampled completions", "flops"))
        assert (spent[0], spent[-1]) == (0, 100)
        assert [1000 * float(place or 0) for place in spent] == pytest.approx(flops)
        half = np.interp(fit.midpoint.mean, spent, line.y)  # type: ignore[arg-type]
        assert half == pytest.approx((line.y[0] + 100 * float(fit.at(line.y[0] / 100, 1e9))) / 2, abs=0.2)


def test_differences_are_of_the_common_seeds(runs: list[RunResult], board: Board) -> None:
    def fit(*lost: tuple[str, int]) -> Fit:
        kept = [run for run in runs if (run.config.objective.name, run.config.seed) not in lost]
        found = rows_of(build(suite(), kept))["agro"].fit
        assert found
        return found

    one, both = fit(("grpo", 5)), fit(("grpo", 5), ("agro", 5))
    assert one.ceiling == rows_of(board)["agro"].fit.ceiling  # type: ignore[union-attr]
    assert (one.higher, one.faster) == (both.higher, both.faster)
    few = fit(("grpo", 5), ("grpo", 4))
    assert few.ceiling
    assert (few.higher, few.faster) == (None, None)


@pytest.mark.parametrize("few", ["seeds", "validations"])
def test_with_too_little_data_a_document_does_not_mention_fits(few: str, runs: list[RunResult]) -> None:
    kept = [run for run in runs if few == "validations" or run.config.seed < 4]
    kept = [replace(run, curve=run.curve[:5]) if few == "validations" else run for run in kept]
    found = build(suite(), kept)
    assert "fit" not in json.loads(found.as_json())["boards"][0]["rows"][0]
    assert "Fits" not in markdown(found)
    assert "ceilings" not in pictures(found)
    assert fits(found) is None
