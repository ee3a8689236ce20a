"""Texts next to the numbers: warnings, links to runs, and the formats of other tools."""

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from harness.report.numbers.board import build
from harness.report.numbers.document import ArmRow, RegimeBoard
from harness.report.pages.columns import REACHED, verdict
from harness.report.pages.exports import as_csv, by_problem_and_run, dataset_card, marl_eval
from harness.report.pages.grid import grid
from harness.report.pages.notes import notes, warnings
from harness.report.pages.text import markdown
from tests.support.results import judge, records_of, result, suite, with_verdicts
from tests.support.small import Line


def changed(records: list[Line]) -> list[Line]:
    found: list[Line] = json.loads(json.dumps(records))
    found[0]["origin"]["versions"]["commit"] = "abc1234"  # a clean commit
    return found


def warned(*journals: list[Line]) -> str:
    return "\n".join(warnings(build(suite(), [result(records, seed=n) for n, records in enumerate(journals)])))


def test_what_puts_the_numbers_in_doubt_is_said(small_runs: dict[str, Path]) -> None:
    clean = changed(records_of(small_runs, "agro"))
    assert warned(clean, clean) == ""
    dirty, newer, torn = changed(clean), changed(clean), changed(clean)
    dirty[0]["origin"]["versions"]["commit"] = "abc1234-dirty"
    newer[0]["origin"]["versions"]["torch"] = "9.9"
    assert "abc1234, abc1234-dirty" in warned(clean, dirty)
    assert "torch: " in warned(clean, newer) and "9.9" in warned(clean, newer)
    torn[0]["overlap"]["test"] |= {"same": 1, "near": 3}
    assert "1 of 8 test problems are also in train, and 3 share 13 consecutive words" in warned(torn)


def test_a_grader_that_is_gamed_shows(small_runs: dict[str, Path]) -> None:
    clean, hacked = changed(records_of(small_runs, "agro")), changed(records_of(small_runs, "agro"))
    tests = [r for r in hacked if r["event"] == "evaluation" and r["split"] == "test"]
    tests[0]["audit_paid"], tests[-1]["audit_paid"] = 0.01, 0.2
    assert "rejected by a second rule grew during training, from 1.0 to 20.0 %" in warned(hacked)
    tests[0]["audit_paid"] = 0.2  # a base rate is no hack
    assert "second rule" not in warned(hacked) + warned(clean)


@pytest.mark.parametrize(
    ("field", "limit", "said"),
    [
        ("unparsed", 0.1, "give no answer"),
        ("truncated", 0.1, "are cut at the length limit"),
        ("audit_missed", 0.05, "are rejected by the grader and accepted by a second rule"),
    ],
)
def test_completions_that_say_little_are_warned_of(
    small_runs: dict[str, Path], field: str, limit: float, said: str
) -> None:
    """The values are means over seeds at the end, whatever they were at the start."""

    def ending(share: float, start: float | None = None) -> list[Line]:
        records = changed(records_of(small_runs, "agro"))
        tests = [r for r in records if r["event"] == "evaluation" and r["split"] == "test"]
        for test, found in ((tests[-1], share), (tests[0], share if start is None else start)):
            letters = ("u" * round(50 * found) if field == "unparsed" else "").ljust(50, "w")
            judge(test, {f"{n:02}": letters[2 * n :][:2] for n in range(25)})
            test[field] = found
        records[0]["sizes"]["test"] = 25
        return records

    assert warned(ending(limit), ending(limit)) == warned(ending(limit, start=0.9)) == ""
    told = f"agro, on_policy: {100 * limit + 2:.1f} % of the completions after training {said}"
    assert told in warned(ending(limit), ending(limit + 0.04))


def test_doubts_are_in_the_document_where_there_are_some(small_runs: dict[str, Path]) -> None:
    records = changed(records_of(small_runs, "agro"))
    assert "doubts" not in json.loads(build(suite(), [result(records)]).as_json())
    tests = [r for r in records if r["event"] == "evaluation" and r["split"] == "test"]
    judge(tests[-1], dict.fromkeys(tests[-1]["verdicts"], "uu"))
    (found,) = json.loads(build(suite(), [result(records)]).as_json())["doubts"]
    assert found == {"objective": "agro", "regime": "on_policy", "kind": "no answer", "share": 1.0}


def five_seeds(
    small_runs: dict[str, Path], gap: str, rewarded: Sequence[str] = ("agro", "grpo")
) -> tuple[RegimeBoard, dict[str, ArmRow]]:
    """agro at ``gap`` and grpo at one half, on 40 problems. Each seed may differ from the others on one of them."""
    results = []
    for name, good in (("agro", gap), ("grpo", "cw")):
        agro = changed(records_of(small_runs, "agro"))
        for step in (record for record in agro if record["event"] == "step"):
            step["metrics"]["train/reward_mean"] = 0.5 if name in rewarded else 0.0
        for seed in range(5):
            verdicts = {f"{n:02}": good for n in range(40)} | {f"{seed:02}": "cw"}
            results.append(result(with_verdicts(agro, verdicts), objective__name=name, seed=seed))
    (board,) = build(suite(), results).boards
    return board, {row.objective: row for row in board.rows}


def test_two_that_were_never_rewarded_are_never_equivalent(small_runs: dict[str, Path]) -> None:
    """They were never trained, so their agreement says nothing about the objectives."""
    said = [verdict(five_seeds(small_runs, "cw", rewarded)[1]["agro"]) for rewarded in (("grpo",), ("agro",), ())]
    assert said == ["equivalent", "equivalent", "never rewarded"]


def test_verdicts_of_five_seeds(small_runs: dict[str, Path]) -> None:
    better, worse, same = (five_seeds(small_runs, gap) for gap in ("cc", "ww", "cw"))
    assert [verdict(rows["agro"]) for _, rows in (better, worse, same)] == ["better", "worse", "equivalent"]
    assert [rows["agro"].rank for _, rows in (better, worse, same)] == [(1, 1), (2, 2), (1, 2)]
    assert same[0].ties == (("agro", "grpo"),)
    agro, grpo = (better[1][name] for name in ("agro", "grpo"))
    assert verdict(grpo) == "–"
    difference = agro.difference
    assert difference and difference.low and difference.high and difference.p
    assert difference.low < difference.mean < difference.high
    assert difference.p_holm == difference.p < 0.001
    assert difference.improvement == 1.0
    assert grid(REACHED, [agro]).rows[0][6] == "<0.001"


def test_every_row_names_its_runs_in_every_format(small_runs: dict[str, Path]) -> None:
    results = [result(records_of(small_runs, name)) for name in ("agro", "agro-1", "grpo")]
    board = build(suite(), results)
    lines = list(csv.DictReader(io.StringIO(as_csv(board))))
    rows = board.boards[0].rows
    assert [line["objective"] for line in lines] == [row.objective for row in rows]
    for line, row in zip(lines, rows, strict=True):
        assert line["run_ids"].split() == list(row.run_ids) and row.run_ids
        assert row.accuracy and float(line["accuracy_mean"]) == row.accuracy.mean
        assert float(line["flops"]) == row.budget["flops"]
        assert all(run_id in markdown(board) for run_id in row.run_ids)
    assert {line["run_id"] for line in by_problem_and_run(results).to_pylist()} == set(board.runs)
    assert "| agro |" in dataset_card(board)
    assert notes(board)


def test_marl_eval_keeps_both_settings_of_an_objective(small_runs: dict[str, Path]) -> None:
    records = records_of(small_runs, "grpo")
    results = [result(records), result(records, optimizer__learning_rate=0.5)]
    found = marl_eval("tiny-arithmetic", results)["tiny-arithmetic"]["on_policy"]
    assert sorted(found) == sorted(f"grpo ({one.config.arm_key})" for one in results)


def test_marl_eval_reads_environment_task_algorithm_run_and_step(small_runs: dict[str, Path]) -> None:
    results = [result(records_of(small_runs, name)) for name in ("agro", "agro-1", "grpo")]
    found = marl_eval("tiny-arithmetic", results)["tiny-arithmetic"]["on_policy"]
    assert {name: sorted(runs) for name, runs in found.items()} == {"agro": ["seed_0", "seed_1"], "grpo": ["seed_0"]}
    run = found["agro"]["seed_0"]
    assert [run[f"step_{n}"]["step_count"] for n in range(3)] == [0, 64, 96]
    assert all(isinstance(value, list) for step in run.values() for key, value in step.items() if key == "accuracy")
    assert run["absolute_metrics"]["accuracy"] == [results[0].test.summary.accuracy if results[0].test else None]
