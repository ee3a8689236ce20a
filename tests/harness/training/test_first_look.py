"""The look at the start policy before training: what it finds, and when it refuses to begin."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from evaluators.types import Split
from harness.records.events import Evaluation, Start
from harness.records.journal import Journal
from harness.training.first_look import Seen, look
from tests.support.command_line import SETTINGS, harness, refused
from tests.support.small import small_config

ABLE = Seen(
    completions=64,
    answer_format="boxed",
    grading="strict",
    rewarded=0.3,
    unanswered=0.1,
    cut=0.05,
    lenient=0.35,
    audited=0.3,
    groups=8,
    tied=1,
    text="So it is 17.",
    expected="18",
)


def test_it_sees_what_the_policy_does() -> None:
    seen = look(small_config())
    assert (seen.completions, seen.groups, seen.answer_format) == (64, 16, "own")
    assert 0.25 < seen.rewarded < 0.6  # the embedded model solves two fifths
    assert seen.audited is not None and abs(seen.audited - seen.rewarded) < 0.05
    assert (seen.unanswered, seen.cut) == (0, 0) and seen.lenient >= seen.rewarded
    assert seen.tied < 8
    assert seen.why_not() is None


def test_it_is_the_same_for_all_runs_of_a_model_and_a_task() -> None:
    assert look(small_config("grpo", seed=3)) == look(small_config("agro"))


@pytest.mark.parametrize(
    ("seen", "sentence", "remedy"),
    [
        (replace(ABLE, rewarded=0.0, lenient=0.0), "none of the start policy's 64", "another task.format than boxed"),
        (replace(ABLE, rewarded=0.0), "none of the start policy's 64", "lenient grading would reward 35%"),
        (replace(ABLE, unanswered=0.6), "60% of the start policy's completions have no", "another task.format"),
        (replace(ABLE, unanswered=0.6, cut=0.6), "60% of the start policy's", "raise rollout.max_tokens"),
        (replace(ABLE, tied=8, rewarded=0.9), "8 of 8 groups", "choose a harder task"),
        (replace(ABLE, tied=8), "8 of 8 groups", "raise rollout.group_size"),
    ],
)
def test_where_nothing_can_be_learnt_it_says_why_and_what_to_change(seen: Seen, sentence: str, remedy: str) -> None:
    reason = seen.why_not()
    assert reason is not None and sentence in reason and remedy in reason
    assert "'So it is 17.'" in reason and "'18' was expected" in reason and "--anyway" in reason


@pytest.mark.parametrize(
    "changed",
    [
        lambda seen: replace(seen, rewarded=1 / 64),
        lambda seen: replace(seen, unanswered=0.5),
        lambda seen: replace(seen, tied=7),
        lambda seen: replace(seen, groups=64, tied=0),  # a single completion has no other to tie with
    ],
)
def test_little_is_enough(changed: Callable[[Seen], Seen]) -> None:
    assert changed(ABLE).why_not() is None


def test_a_run_that_could_teach_nothing_does_not_begin(tmp_path: Path) -> None:
    command = ["run", "--algos", "agro", "--seeds", "0,", *SETTINGS, "--set", "rollout.max_tokens=3"]
    refused([*command, "--out", str(tmp_path)], "have no answer", "rollout.max_tokens", "--anyway")
    assert not list(tmp_path.rglob("journal.jsonl"))
    code, output = harness(*command, "--out", str(tmp_path), "--anyway")
    assert code == 0 and "the start policy on 64 completions" in output
    (journal,) = tmp_path.glob("*/runs/*/journal.jsonl")
    events = Journal(journal.parent).read()
    assert isinstance(events[0], Start) and events[0].answer_format == "own"
    (begin, _) = [e for e in events if isinstance(e, Evaluation) and e.split is Split.TEST]
    assert begin.ledger.sampled_completions == 0  # no run is charged for the look
    code, output = harness(*command, "--out", str(tmp_path))
    assert code == 0 and "the start policy" not in output  # there is no second look
