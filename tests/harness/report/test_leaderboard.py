"""The table: its schema, what it counts, and what it refuses."""

import json
from dataclasses import fields, replace
from pathlib import Path

import pytest

from harness.config.suites import load_suite
from harness.errors import HarnessError
from harness.records.results import RunResult
from harness.report.commands import make_leaderboard
from harness.report.numbers.board import build
from harness.report.numbers.document import Agreement, ArmRow, RegimeBoard
from harness.report.numbers.interval import Interval
from harness.report.numbers.selection import Selection
from harness.report.pages.columns import REACHED, TOOK, across
from harness.report.pages.grid import grid
from harness.report.pages.text import markdown
from harness.report.pages.writing import write_leaderboard
from harness.terminal import Terminal
from tests.support.results import records_of, result, suite, with_verdicts


def board_of(baseline: str, results: list[RunResult]) -> RegimeBoard:
    """The only board of these runs."""
    (board,) = build(suite(baseline), results).boards
    return board


def texts(row: ArmRow) -> list[str]:
    """The texts of the row in the table."""
    return [cell for columns in (REACHED, TOOK) for cell in grid(columns, [row]).rows[0]]


def test_the_schema(small_runs: dict[str, Path], tmp_path: Path) -> None:
    results = [result(records_of(small_runs, name)) for name in ("agro", "agro-1", "grpo")]
    board = build(suite(), results)
    write_leaderboard(board, results, tmp_path, {})
    read = json.loads((tmp_path / "leaderboard.json").read_text())
    absent = {"limit"} if board.doubts else {"limit", "doubts"}
    assert list(read) == [field.name for field in fields(board) if field.name not in absent]
    assert read["suite"] == "s"
    assert set(read["runs"]) == {r.run_id for r in results}
    assert read["invocations"][0]["command"].startswith("harness run")
    (read,) = read["boards"]
    assert list(read) == [field.name for field in fields(board.boards[0]) if field.name != "looks"]
    assert read["regime"] == "on_policy"
    assert read["budget"] == {"unit": "completions", "total": 100.0}
    assert read["baseline"] == "grpo"
    agro = next(row for row in read["rows"] if row["objective"] == "agro")
    grpo = next(row for row in read["rows"] if row["objective"] == "grpo")
    assert agro["seeds"] == [0, 1]
    assert agro["accuracy"]["low"] <= agro["accuracy"]["mean"] <= agro["accuracy"]["high"]
    assert agro["difference"]["mean"] is not None
    assert agro["difference"]["low"] is None  # one common seed
    assert (agro["rank"], grpo["rank"]) == (None, None)
    assert grpo["difference"] is None
    assert grpo["accuracy"]["low"] is None  # one seed says nothing about the scatter
    assert agro["budget"]["completions"] == 96
    assert agro["status"] == grpo["status"] == "preliminary"
    assert agro["run_ids"] == [r.run_id for r in results[:2]]
    text = (tmp_path / "leaderboard.md").read_text()
    assert text == markdown(board)
    assert all(cell in text for row in board.boards[0].rows for cell in texts(row))


def test_difference_is_paired_by_seed_and_problem(small_runs: dict[str, Path]) -> None:
    """agro beats grpo on seed 0 by 1/4 and on seed 1 by 3/4. Its third seed has no partner."""
    agro, grpo = (records_of(small_runs, name) for name in ("agro", "grpo"))
    outcomes = [
        (agro, 0, {"a": "cc", "b": "cw"}),
        (agro, 1, {"a": "cc", "b": "cc"}),
        (agro, 2, {"a": "ww", "b": "ww"}),
        (grpo, 0, {"b": "ww", "a": "cc"}),
        (grpo, 1, {"b": "wc", "a": "ww"}),
    ]
    results = [result(with_verdicts(records, verdicts), seed=seed) for records, seed, verdicts in outcomes]
    (agro_row,) = (row for row in board_of("grpo", results).rows if row.objective == "agro")
    assert agro_row.difference and agro_row.accuracy
    assert agro_row.difference.mean == pytest.approx(0.5)
    assert agro_row.difference.high == pytest.approx(0.5 + 12.706 * 0.25, rel=1e-3)  # problems differ less
    assert agro_row.accuracy.mean == pytest.approx((0.75 + 1 + 0) / 3)


def test_five_seeds_are_ranked_and_failed_ones_counted(small_runs: dict[str, Path]) -> None:
    records = records_of(small_runs, "agro")
    failed = json.loads(json.dumps(records))
    failed[-1]["status"] = "failed"
    results = [result(records, seed=seed) for seed in range(5)] + [result(failed, seed=5)]
    (row,) = board_of("grpo", results).rows
    assert row.status == "ranked"
    assert row.seeds == (0, 1, 2, 3, 4)
    assert row.failed == (5,)
    assert row.rank == (1, 1)
    assert "5 (1 failed)" in texts(row)
    (row,) = board_of("grpo", [result(failed)]).rows
    assert (row.status, row.accuracy) == ("failed", None)
    assert texts(row)  # can be shown


def test_costs_that_differ_by_more_than_five_percent_are_marked(small_runs: dict[str, Path]) -> None:
    agro, grpo = (json.loads(json.dumps(records_of(small_runs, name))) for name in ("agro", "grpo"))
    agro[-1]["spent"] |= {"sampled_tokens": 1_060_000, "flops": 104 * 10**15}
    grpo[-1]["spent"] |= {"sampled_tokens": 1_000_000, "flops": 100 * 10**15}
    board = build(suite(), [result(agro), result(grpo)])
    (row,) = (row for row in board.boards[0].rows if row.objective == "agro")
    assert "sampled_tokens" in row.unmatched
    assert "flops" not in row.unmatched
    assert "1.06M*" in markdown(board)


def test_the_ratio_to_the_behaviour_is_that_of_the_last_steps(small_runs: dict[str, Path]) -> None:
    """The small runs have fewer than ten steps, so the last one counts. A ratio that is not finite is left out."""
    records = json.loads(json.dumps(records_of(small_runs, "agro")))
    *_, last = [record for record in records if record["event"] == "step"]
    for measured in (0.25, None):
        last["metrics"]["train/ratio_mean"] = measured
        assert board_of("agro", [result(records)]).rows[0].ratio_mean == measured
    del last["metrics"]["train/ratio_mean"]
    assert result(records).ratio_mean is None  # a run from before it was measured


@pytest.mark.parametrize(
    ("key", "value"),
    [("budget__total", 200.0), ("rollout__group_size", 8), ("task__options", {"largest": 9})],
)
def test_unmatched_runs_do_not_share_a_table(small_runs: dict[str, Path], key: str, value: object) -> None:
    agro = result(records_of(small_runs, "agro"))
    grpo = result(records_of(small_runs, "grpo"), **{key: value})
    with pytest.raises(HarnessError, match=f"not matched.*{agro.config.match_key}.*differ in {key.split('__')[0]}"):
        board_of("grpo", [agro, grpo])


def test_other_weights_do_not_share_a_table(small_runs: dict[str, Path]) -> None:
    other = json.loads(json.dumps(records_of(small_runs, "grpo")))
    other[0]["identity"]["weights"] = "0" * 16
    with pytest.raises(HarnessError, match="different weights"):
        board_of("grpo", [result(records_of(small_runs, "agro")), result(other)])


def test_one_objective_with_two_settings_is_two_rows(small_runs: dict[str, Path]) -> None:
    records = records_of(small_runs, "agro")
    board = board_of("agro", [result(records), result(records, objective__fields={"beta": 0.5})])
    assert len(board.rows) == 2
    assert len({row.objective for row in board.rows}) == 2


def test_a_run_under_way_is_counted_and_in_no_number(small_runs: dict[str, Path]) -> None:
    agro, grpo = (records_of(small_runs, name) for name in ("agro", "grpo"))
    results = [result(agro), result(agro[:-1], seed=1), result(agro[:1], seed=2), result(grpo)]
    board = build(suite(), results)
    row = next(row for row in board.boards[0].rows if row.objective == "agro")
    assert (row.seeds, row.unfinished) == ((0,), (1, 2))
    assert [board.runs[r.run_id].accuracy is None for r in results] == [False, True, True, False]
    assert "1 (2 unfinished)" in texts(row)
    assert markdown(board).count(": unfinished, so not in the numbers") == 2
    (row,) = board_of("grpo", [result(agro[:1])]).rows
    assert (row.status, row.accuracy) == ("unfinished", None)
    with pytest.raises(HarnessError, match="has no runs yet"):
        build(suite(), [])


def test_what_was_planned_and_never_began_is_named(small_runs: dict[str, Path]) -> None:
    agro = json.loads(json.dumps(records_of(small_runs, "agro")))
    plan = {"algos": ["agro", "grpo"], "regimes": ["on_policy", "offline"], "seeds": [0, 1]}
    agro[0]["origin"]["invocation"]["plan"] = plan
    results = [result(agro)]
    missing = Selection().missing(results)
    assert len(missing) == 7
    board = build(suite(), results, missing)
    rows = {row.objective: row for row in board.boards[0].rows}
    assert (rows["agro"].missing, rows["grpo"].missing, rows["grpo"].status) == ((1,), (0, 1), "missing")
    text = markdown(board)
    assert text.count("planned, but never started") == 4
    assert "agro, on_policy, seed 1: planned" in text
    assert "grpo, offline, seeds 0, 1: planned" in text
    assert len(Selection(algos=("agro",), regimes=("on_policy",)).missing(results)) == 1


def test_any_part_of_the_runs_makes_a_leaderboard(small_runs: dict[str, Path]) -> None:
    agro, grpo = (records_of(small_runs, name) for name in ("agro", "grpo"))
    results = [
        result(records, regime=regime, budget__total=total, seed=seed)
        for records in (agro, grpo)
        for regime in ("on_policy", "stale:4")
        for total in (100.0, 200.0)
        for seed in (0, 1)
    ]
    chosen = Selection(algos=("agro",), regimes=("stale:4",), seeds=(1,), budget=results[0].config.budget).of(results)
    assert [(r.config.objective.name, r.config.regime, r.config.seed) for r in chosen] == [("agro", "stale:4", 1)]
    assert len(Selection(match=results[0].config.match_key).of(results)) == 8
    with pytest.raises(HarnessError, match=r"--algos ppo: there is no such run here; choose from agro, grpo"):
        Selection(algos=("agro", "ppo")).of(results)
    with pytest.raises(HarnessError, match=r"--regime offline.*on_policy, stale:4"):
        Selection(regimes=("offline",)).of(results)
    with pytest.raises(HarnessError, match="other --seeds"):
        Selection(seeds=(99,)).of(results)


def test_regimes_are_boards_of_one_table(small_runs: dict[str, Path]) -> None:
    agro, grpo = (records_of(small_runs, name) for name in ("agro", "grpo"))
    regimes = ("offline", "stale:16", "on_policy", "stale:4")
    board = build(suite(), [result(records, regime=name) for name in regimes for records in (agro, grpo)])
    assert [part.regime for part in board.boards] == ["on_policy", "stale:4", "stale:16", "offline"]
    table = grid(*across(board.boards))
    assert table.headers == ["objective", "on_policy", "stale:4", "stale:16", "offline"]
    assert sorted(row[0] for row in table.rows) == ["agro", "grpo"]
    with pytest.raises(HarnessError, match="not matched"):
        build(suite(), [result(agro), result(grpo, regime="stale:4", budget__total=200.0)])


def test_across_regimes_ranks_stand_with_the_accuracies(small_runs: dict[str, Path]) -> None:
    board = board_of("grpo", [result(records_of(small_runs, "agro"))])
    (made,) = board.rows
    agro = replace(made, seeds=(0, 1), accuracy=Interval(mean=0.5, low=0.48, high=0.52), rank=(1, 3))
    frozen = replace(made, objective="frozen", seeds=(0, 1), accuracy=Interval(mean=0.4, low=None, high=None))
    boards = [
        replace(board, regime="on_policy", rows=(agro,), controls=(frozen,)),
        replace(board, regime="offline", rows=(), controls=(frozen,)),
    ]
    assert grid(*across(boards)).rows == [["agro", "50.0 ± 2.0 (1–3)", "–"], ["frozen", "40.0", "40.0"]]


def test_runs_on_different_offline_sets_do_not_share_a_table(small_runs: dict[str, Path]) -> None:
    agro, grpo = (json.loads(json.dumps(records_of(small_runs, name))) for name in ("agro", "grpo"))
    agro[0]["data"], grpo[0]["data"] = ({"completions": 48, "content": name * 8} for name in ("aa", "bb"))
    with pytest.raises(HarnessError, match="seed 0 were trained on different offline sets"):
        build(suite(), [result(agro), result(grpo)])


def test_controls_stand_apart_and_the_pair_is_found_by_its_settings(small_runs: dict[str, Path]) -> None:
    agro, rloo, grpo = (records_of(small_runs, name) for name in ("agro", "rloo", "grpo"))
    tossed = result(grpo, objective__name="random_reward", objective__control="random_reward")
    other = result(agro, objective__fields={"beta": 0.5, "form": "off_policy"}, seed=1)
    for runs in ([result(agro), other], [other, result(agro)]):
        board = board_of("grpo", [*runs, result(rloo), result(grpo), tossed])
        assert sorted(row.objective for row in board.controls) == ["random_reward", "rloo"]
        assert board.same_as_agro == Agreement(seeds=1, same=1)
    different = with_verdicts(rloo, {"a": "cw"})
    assert board_of("grpo", [result(agro), result(different)]).same_as_agro == Agreement(seeds=1, same=0)
    alone = board_of("grpo", [result(agro), result(rloo, objective__fields={"beta": 0.5})])
    assert not alone.controls and alone.same_as_agro is None


def test_a_journal_of_another_version_is_one_sentence(small_runs: dict[str, Path], tmp_path: Path) -> None:
    old = json.loads(json.dumps(records_of(small_runs, "agro")))
    del old[0]["data"], old[0]["config"]["objective"]["objective"]
    path = tmp_path / "tiny-arithmetic" / "runs" / "agro" / "journal.jsonl"
    path.parent.mkdir(parents=True)
    path.write_text("".join(json.dumps(record) + "\n" for record in old))
    with pytest.raises(HarnessError, match="older version"):
        make_leaderboard(load_suite("tiny-arithmetic"), Selection(), [], tmp_path, Terminal())
