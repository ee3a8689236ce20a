"""``--until decided`` on a leaderboard. It uses only the records, whatever else was run."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from evaluators.statistics.accuracy import SampleRecord
from evaluators.types import Verdict
from harness.errors import HarnessError
from harness.records.events import decode
from harness.records.results import RunResult, read_results
from harness.report.numbers.board import build
from harness.report.numbers.compare import compare, pair
from harness.report.numbers.document import ArmRow, RegimeBoard
from harness.report.numbers.selection import Selection
from harness.report.pages.columns import verdict
from harness.report.pages.compare_text import sentences
from harness.report.pages.notes import notes, summary
from harness.report.pages.text import markdown
from tests.support.looks import looking, made, played, renamed, without_end
from tests.support.results import records_of, suite
from tests.support.small import Line, small_config

LOOKS = (3, 5, 8)


@pytest.fixture
def records(small_runs: dict[str, Path]) -> list[Line]:
    return records_of(small_runs, "grpo")


def row_of(part: RegimeBoard, name: str) -> ArmRow:
    return next(row for row in part.arms if row.objective == name)


def board_of(results: list[RunResult]) -> RegimeBoard:
    (part,) = build(suite(), results).boards
    return part


def test_what_is_far_is_decided_early_and_the_rest_goes_on(records: list[Line]) -> None:
    planned = looking(("grpo", "far", "near"), LOOKS)
    part = board_of(made(records, {"grpo": range(8), "near": range(8), "far": range(5)}, planned))
    far, near = row_of(part, "far"), row_of(part, "near")
    assert far.looks and near.looks and far.difference and near.difference
    assert (far.looks.verdict, verdict(far)) == ("better", "better")
    assert far.looks.at == far.looks.taken <= 2
    assert (near.looks.taken, near.looks.verdict, verdict(near)) == (3, None, "undecided")
    told = " ".join(summary(part))
    assert f"Decided: far better at look {far.looks.at} ({LOOKS[far.looks.at - 1]} seeds)." in told
    assert "Undecided: near after the last look." in told
    assert "after 3, 5 and 8 seeds" in told and "Holm's over 2 comparisons with grpo" in told
    assert "would have detected a difference" not in told  # this sentence is for fixed seeds
    assert near.difference.low is not None and near.difference.high is not None
    assert near.difference.low < 0 < near.difference.high
    for row in (far, near):
        found = row.difference
        assert found and found.improvement_low is not None and found.improvement_high is not None
        assert found.improvement_low <= found.improvement <= found.improvement_high


def test_the_interval_allows_for_the_looks(records: list[Line]) -> None:
    arms = {"grpo": range(5), "near": range(5)}
    fixed, looked = (
        row_of(board_of(made(records, arms, invocation)), "near").difference
        for invocation in (None, looking(("grpo", "near"), LOOKS))
    )
    assert fixed and looked and fixed.low is not None and looked.low is not None
    assert looked.low < fixed.low
    assert looked.mean == fixed.mean
    assert looked.p is not None and fixed.p is not None and looked.p > fixed.p
    assert looked.improvement == fixed.improvement
    assert looked.improvement_low is not None and fixed.improvement_low is not None
    assert looked.improvement_low < fixed.improvement_low


def test_the_notes_below_say_what_the_sentences_above_say(records: list[Line]) -> None:
    """The notes about intervals and verdicts. Those for fixed seeds are others."""
    arms: dict[str, Sequence[int]] = {"grpo": range(5), "near": range(5)}
    fixed, looked = (
        " ".join(notes(build(suite(), made(records, arms, invocation))))
        for invocation in (None, looking(("grpo", "near"), LOOKS))
    )
    assert "valid over all looks" in looked and "the verdict is undecided" in looked
    assert "--correct document" in fixed and "--correct" not in looked  # the option is refused if there are looks
    assert "not corrected for the other comparisons" in fixed and "looks" not in fixed
    assert "the verdict is unclear" in fixed


def test_runs_by_hand_beyond_the_looks_change_no_verdict(records: list[Line]) -> None:
    planned = looking(("grpo", "far", "near"), LOOKS)
    before = made(records, {"grpo": range(8), "near": range(8), "far": range(5)}, planned)
    after = [*before, *made(records, {arm: range(8, 12) for arm in ("grpo", "near", "far")})]
    one, two = board_of(before), board_of(after)
    for name in ("far", "near"):
        old, new = row_of(one, name), row_of(two, name)
        assert old.looks and new.looks
        assert new.difference == old.difference
        assert new.looks == replace(old.looks, beyond=new.looks.beyond)
        assert new.accuracy != old.accuracy
    assert "Runs beyond the looks count in the accuracies, but in no test: " in " ".join(summary(two))
    assert "near 4" in " ".join(summary(two))


def test_a_look_is_taken_when_all_of_its_runs_have_ended(records: list[Line]) -> None:
    """Wherever it was killed in between, the verdict is that of the last complete look."""
    planned = looking(("grpo", "near"), LOOKS)
    whole = board_of(made(records, {"grpo": range(5), "near": range(5)}, planned))
    for grpo, near in ((6, 5), (8, 7), (5, 8), (7, 7)):
        part = board_of(made(records, {"grpo": range(grpo), "near": range(near)}, planned))
        row, same = row_of(part, "near"), row_of(whole, "near")
        assert row.looks and row.looks.taken == 2
        assert row.difference == same.difference
        assert "near (after look 2 of 3, the next is after 8 seeds)" in " ".join(summary(part))
    lines = played(records, renamed(small_config("grpo"), "near", 7), planned)
    (killed,) = read_results([[decode(line, "test") for line in without_end(lines)]])
    rest = made(records, {"grpo": range(8), "near": range(7)}, planned)
    assert row_of(board_of([*rest, killed]), "near").difference == row_of(whole, "near").difference


def test_before_the_first_look_nothing_is_tested(records: list[Line]) -> None:
    part = board_of(made(records, {"grpo": range(2), "far": range(2)}, looking(("grpo", "far"), LOOKS)))
    far = row_of(part, "far")
    assert far.looks and far.looks.taken == 0 and verdict(far) == "undecided"
    assert far.difference and far.difference.p is None and far.difference.p_holm is None
    assert "far (the next is after 3 seeds)" in " ".join(summary(part))


def test_where_no_look_was_taken_no_test_and_no_count_of_seeds_is_told(records: list[Line]) -> None:
    """However many seeds there are that no command planned."""
    results = made(records, {"grpo": range(2), "near": range(2)}, looking(("grpo", "near"), LOOKS))
    results += made(records, {"grpo": range(10, 16), "near": range(10, 16)})
    found = row_of(board_of(results), "near").difference
    assert found and found.low is not None
    told = (found.p, found.p_holm, found.equivalent_p, found.detectable, found.equivalence_seeds)
    assert told == (None,) * 5


@pytest.mark.parametrize("failed", [0, 1, 2])
def test_a_look_of_fewer_than_three_seeds_that_finished_decides_nothing(records: list[Line], failed: int) -> None:
    """With two seeds the test does not keep its level, least of all the small levels of the first looks."""
    planned = looking(("grpo", "far"), (3,))
    results = made(records, {"grpo": range(3), "far": range(3 - failed)}, planned)
    for seed in range(3 - failed, 3):
        lines = played(records, renamed(small_config("grpo"), "far", seed), planned)
        lines[-1] |= {"status": "failed", "reason": "its gradient is not finite"}
        results += read_results([[decode(line, "test") for line in lines]])
    far = row_of(board_of(results), "far")
    assert far.looks and far.looks.taken == 1 and len(far.failed) == failed
    assert (far.looks.verdict == "better") == (failed == 0)
    assert far.difference and (far.difference.low is None) == (far.difference.p is None) == (failed > 0)
    assert (far.difference.improvement_low is None) == (failed > 0)


def test_a_part_of_the_arms_is_corrected_as_all_are(records: list[Line]) -> None:
    """Showing fewer arms makes nothing more certain."""
    results = made(records, dict.fromkeys(("grpo", "far", "near"), range(8)), looking(("grpo", "far", "near"), LOOKS))
    few = [one for one in results if one.config.objective.name != "near"]
    whole, part = board_of(results), board_of(few)
    assert part.looks and part.looks.compared == 2
    shown, all_shown = row_of(part, "far").difference, row_of(whole, "far").difference
    assert shown and all_shown and shown.p_holm == all_shown.p_holm


def test_ranks_are_over_the_looks_without_the_baseline_too(records: list[Line]) -> None:
    arms = ("grpo", "far", "near")
    results = made(records, dict.fromkeys(arms, range(5)), looking(arms, (5, 8, 12)))
    whole = board_of(results)
    part = board_of([one for one in results if one.config.objective.name != "grpo"])
    assert part.baseline is None
    fixed = board_of(made(records, dict.fromkeys(("far", "near"), range(5)), None))
    bounds = {name: row_of(found, "near").rank for name, found in (("whole", whole), ("part", part), ("fixed", fixed))}
    assert bounds["fixed"] == (2, 2) and bounds["part"] == (1, 2)  # too early for this look


def test_every_regime_is_a_family_of_its_own(records: list[Line]) -> None:
    planned = looking(("grpo", "far"), LOOKS, ("on_policy", "stale:2"))
    fresh = made(records, {"grpo": range(8), "far": range(8)}, planned)
    stale = made(records, {"grpo": range(3), "far": range(3)}, planned, regime="stale:2")
    both, alone = build(suite(), [*fresh, *stale]), build(suite(), fresh)
    assert row_of(both.boards[0], "far").difference == row_of(alone.boards[0], "far").difference
    far = row_of(both.boards[1], "far")
    assert far.looks and far.looks.taken == 1


def test_different_looks_in_one_table_are_refused(records: list[Line]) -> None:
    one = made(records, {"grpo": range(3), "near": range(3)}, looking(("grpo", "near"), LOOKS))
    other = made(records, {"far": range(3)}, looking(("grpo", "far"), (3, 6)))
    with pytest.raises(HarnessError, match=r"different looks \(after 3,5,8 and after 3,6 seeds\)"):
        board_of([*one, *other])


def test_different_margins_in_one_table_are_refused(records: list[Line]) -> None:
    """Otherwise one margin would silently be used for the verdicts of the other."""
    one = made(records, {"grpo": range(3), "near": range(3)}, looking(("grpo", "near"), LOOKS))
    wide = looking(("grpo", "far"), LOOKS)
    wide["looks"]["margin"] = 0.05
    wide["id"] = "wide"
    other = made(records, {"far": range(3)}, wide)
    with pytest.raises(HarnessError, match=r"different margins \(2 and 5 points\)"):
        board_of([*one, *other])


def test_arms_of_several_commands_with_the_same_looks_are_one_family(records: list[Line]) -> None:
    """This includes arms that are not shown, whichever command's runs come first."""
    first, second = looking(("grpo", "near"), LOOKS), looking(("grpo", "far", "agro"), LOOKS) | {"id": "second"}
    near = made(records, {"near": range(8)}, first)
    for baseline in (first, second):
        results = [*made(records, {"grpo": range(8)}, baseline), *made(records, {"far": range(8)}, second)]
        for shown, compared in (([*results, *near], 3), (results, 3 if baseline is first else 2)):
            part = board_of(shown)
            assert part.looks and part.looks.compared == compared


def test_runs_of_another_command_in_the_looks_are_told(records: list[Line]) -> None:
    by_hand = made(records, {"grpo": range(3), "near": range(3)})
    planned = made(records, {"grpo": range(3, 5), "near": range(3, 5)}, looking(("grpo", "near"), LOOKS))
    told = " ".join(summary(board_of([*by_hand, *planned])))
    assert "6 of the runs in these looks were started by another command" in told
    beyond = made(records, {"grpo": range(5, 7), "near": range(5, 7)})
    seen = made(records, {"grpo": range(5), "near": range(5)}, looking(("grpo", "near"), LOOKS))
    assert "started by another command" not in " ".join(summary(board_of([*seen, *beyond])))


def test_what_may_end_before_is_not_missing(records: list[Line]) -> None:
    results = made(records, {"grpo": range(3), "near": range(3)}, looking(("grpo", "near"), LOOKS))
    assert Selection().missing(results) == []


def test_a_board_of_fixed_seeds_is_written_as_before(records: list[Line]) -> None:
    fixed = build(suite(), made(records, {"grpo": range(3), "near": range(3)}))
    looked = build(suite(), made(records, {"grpo": range(3), "near": range(3)}, looking(("grpo", "near"), LOOKS)))
    assert '"looks"' not in fixed.as_json()
    (part,) = json.loads(looked.as_json())["boards"]
    assert part["looks"]["plan"]["seeds"] == list(LOOKS)
    assert "Seeds were added until a decision" in markdown(looked)
    assert "Seeds were added until a decision" not in markdown(fixed)


def test_ranks_hold_for_all_looks(records: list[Line]) -> None:
    planned = looking(("grpo", "far", "near"), LOOKS)
    arms = {"grpo": range(8), "near": range(8), "far": range(5)}
    part = board_of(made(records, arms, planned))
    assert row_of(part, "far").rank == (1, 1)
    assert row_of(part, "near").rank == row_of(part, "grpo").rank == (2, 3)


def test_another_baseline_or_margin_is_told_from_the_planned_one(records: list[Line]) -> None:
    results = made(records, dict.fromkeys(("grpo", "far", "near"), range(8)), looking(("grpo", "far", "near"), LOOKS))
    (part,) = build(suite("near"), results).boards
    told = " ".join(summary(part))
    assert "Holm's over 2 comparisons with near (the looks were planned against grpo)" in told
    assert row_of(part, "far").looks == row_of(board_of(results), "far").looks
    wide = suite().model_copy(update={"margin": 0.9})
    (part,) = build(wide, results).boards
    assert row_of(part, "near").looks == row_of(board_of(results), "near").looks
    assert "within 2 points" in " ".join(summary(part))


def test_a_comparison_of_two_says_that_it_allows_for_no_looks(records: list[Line]) -> None:
    arms = {"grpo": range(3), "near": range(3)}
    for invocation in (None, looking(("grpo", "near"), LOOKS)):
        results = made(records, arms, invocation)
        found = compare(suite(), pair("near", "grpo", results, None), completions)
        said = " ".join(sentences(found))
        assert ("which this p-value ignores" in said) == (invocation is not None)


def completions(run: RunResult) -> list[SampleRecord]:
    assert run.test
    kinds = {"c": Verdict.CORRECT, "w": Verdict.WRONG}
    return [
        SampleRecord(
            problem=problem,
            question="1+1=",
            answer="2",
            sample=sample,
            strict=kinds[letter],
            lenient=kinds[letter],
            extracted=None,
            text="2",
            tokens=1,
            truncated=False,
        )
        for problem, letters in run.test.summary.verdicts.items()
        for sample, letter in enumerate(letters)
    ]
