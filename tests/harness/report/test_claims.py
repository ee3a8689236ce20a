"""What a leaderboard says about its own claims: families of tests, the scatter of runs, and collapsed runs."""

import csv
import io
import json
from pathlib import Path

import pytest

from evaluators.statistics.families import Correction
from harness.records.results import RunResult
from harness.report.numbers import compare as compare_module
from harness.report.numbers.board import build
from harness.report.numbers.compare import compare, pair
from harness.report.numbers.document import Board
from harness.report.pages.compare_text import sentences
from harness.report.pages.exports import as_csv
from harness.report.pages.notes import notes, summary, warnings
from tests.support.results import outcome, records_of, result, suite

LETTERS = ("cc", "cw", "ww")


def runs(
    small_runs: dict[str, Path], ends: dict[str, list[int]], regimes: tuple[str, ...] = ("on_policy",)
) -> list[RunResult]:
    """Runs by objective, with the result of each seed."""
    records = records_of(small_runs, "agro")
    return [
        result(outcome(records, right), objective__name=name, seed=seed, regime=regime)
        for regime in regimes
        for name, reached in ends.items()
        for seed, right in enumerate(reached)
    ]


EVEN = {"agro": [70, 71, 69, 72, 70], "grpo": [68, 71, 70, 69, 70], "ppo": [90, 91, 92, 91, 90]}


def board(small_runs: dict[str, Path], correction: Correction = "table") -> Board:
    return build(suite(), runs(small_runs, EVEN, ("on_policy", "offline")), correction=correction)


def test_families_are_named_in_data_and_words(small_runs: dict[str, Path]) -> None:
    table, whole = board(small_runs), board(small_runs, "document")
    assert [(one.of, one.regime, one.tests) for one in table.families] == [
        (of, regime, tests)
        for regime in ("on_policy", "offline")
        for of, tests in (("verdicts", 2), ("ranks", 3), ("equivalence", 2))
    ]
    assert [(one.of, one.regime, one.tests) for one in whole.families] == [
        ("differences", None, 6),
        ("equivalence", None, 4),
    ]
    assert [json.loads(one.as_json())["correction"] for one in (table, whole)] == ["table", "document"]
    said = "\n".join(notes(table))
    assert "at most 20 % over the 4 families here. harness leaderboard --correct document" in said
    assert "Holm-corrected over all comparisons with the baseline in this table" in said
    said = "\n".join(notes(whole))
    assert "all 6 tests for a difference in this document" in said and "The 4 tests for equivalence" in said
    assert "Holm-corrected over all tests in this document" in said and "--correct" not in said


def test_one_correction_moves_p_and_nothing_that_was_measured(small_runs: dict[str, Path]) -> None:
    table, whole = ({(p.regime, r.objective): r for p, r in board(small_runs, c).arms} for c in ("table", "document"))  # type: ignore[arg-type]
    assert table.keys() == whole.keys()
    for key, row in table.items():
        other = whole[key]
        assert (row.accuracy, row.spread, row.run_ids) == (other.accuracy, other.spread, other.run_ids)
        if row.difference and other.difference:
            assert (row.difference.mean, row.difference.p) == (other.difference.mean, other.difference.p)
            assert row.difference.p_holm is not None and other.difference.p_holm is not None
            assert row.difference.p_holm < other.difference.p_holm or row.difference.p_holm == 1


def test_runs_that_collapsed_are_named_wherever_they_count(small_runs: dict[str, Path]) -> None:
    ends = EVEN | {"agro": [70, 71, 3, 72, 70], "ppo": [1, 2, 0, 1, 2]}
    found = build(suite(), runs(small_runs, ends))
    rows = {row.objective: row for row in found.boards[0].rows}
    spread = rows["agro"].spread
    assert spread and [(run.seed, run.start, run.accuracy) for run in spread.collapsed] == [(2, 0.4, 0.03)]
    assert (spread.lowest, spread.median, spread.highest) == (0.03, 0.70, 0.72)
    assert rows["grpo"].spread and rows["grpo"].spread.collapsed == ()
    said = "\n".join(warnings(found))
    assert "agro, on_policy: 1 of 5 runs collapsed (seed 2 at 3.0 %; the median run reached 70.0 %)" in said
    assert "ppo, on_policy: all 5 runs collapsed, from 40.0 % before training to between 0.0 and 2.0 % after it" in said
    assert "grpo" not in said
    lines = {line["objective"]: line for line in csv.DictReader(io.StringIO(as_csv(found)))}
    assert (lines["agro"]["collapsed"], lines["ppo"]["collapsed"], lines["grpo"]["collapsed"]) == ("2", "0 1 2 3 4", "")


def test_an_accuracy_has_an_interval_for_other_problems(small_runs: dict[str, Path]) -> None:
    """It is wider than the one over seeds, and within 0 and 1 even if no answer is correct."""
    found = build(suite(), runs(small_runs, EVEN | {"ppo": [0, 0, 0, 0, 0]}))
    rows = {row.objective: row for row in found.boards[0].rows}
    for row in rows.values():
        assert row.spread and row.accuracy
        narrow, wide = row.accuracy, row.spread.elsewhere
        assert narrow.low is not None and narrow.high is not None and wide.low is not None and wide.high is not None
        assert wide.mean == pytest.approx(narrow.mean)
        assert wide.high - wide.low > narrow.high - narrow.low
        assert 0 <= wide.low < wide.high <= 1


@pytest.mark.parametrize("seeds", [4, 5])
def test_what_seeds_could_show_is_said_from_five_on(small_runs: dict[str, Path], seeds: int) -> None:
    results = runs(small_runs, {name: ends[:seeds] for name, ends in EVEN.items()})
    (part,) = build(suite(), results).boards
    said = "\n".join(summary(part))
    assert ("would have detected" in said) == ("seeds would show it" in said) == (seeds == 5)


def test_so_does_a_comparison(small_runs: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compare_module, "SHOWN", 0)  # these outcomes have no completions
    results = runs(small_runs, {"agro": [70, 71, 3, 72, 70], "grpo": [68, 71, 70, 69, 70]})
    told = {}
    for seeds in (4, 5):
        chosen = [run for run in results if run.config.seed < seeds]
        found = compare(suite(), pair("agro", "grpo", chosen, None), lambda run: [])
        told[seeds] = " ".join(sentences(found))
    assert "would have detected a difference" in told[5] and "would have detected" not in told[4]
    assert all(f"1 of {seeds} runs of agro collapsed: seed 2." in said for seeds, said in told.items())
