"""Verdicts become rewards."""

import json
import re
import time
from dataclasses import replace
from pathlib import Path

import pytest

from evaluators.grading.cut import without_cut_word
from evaluators.grading.extraction import Marker
from evaluators.grading.grader import Grader
from evaluators.types import Framing, Problem, Rubric, Split, Verdict
from harness.rollout.grading import grade_groups, share_of
from harness.rollout.groups import GROUPS, Completion, Group
from harness.studies.evals.measure import correct_of
from tests.support.small import history, run_small, small_config


def group(*texts: tuple[str, bool]) -> Group:
    return Group(
        problem=Problem(id="p", prompt="9+9=", answer="18", split=Split.TRAIN),
        prompt_ids=(1,),
        completions=tuple(Completion(ids=(1,), logp=(-1.0,), text=t, truncated=cut) for t, cut in texts),
    )


@pytest.mark.parametrize(
    ("text", "strict", "lenient"),
    [("9+9=18 #### 18", 1.0, 1.0), ("so it is 18.", 0.0, 1.0), ("#### 19", 0.0, 0.0), ("no idea", 0.0, 0.0)],
)
def test_only_a_correct_verdict_earns_a_reward(text: str, strict: float, lenient: float) -> None:
    with Grader() as grader:
        assert grade_groups(grader, [group((text, False))], "strict", None)[0].rewards == (strict,)
        assert grade_groups(grader, [group((text, False))], "lenient", None)[0].rewards == (lenient,)


def test_the_marker_that_was_asked_for_is_what_the_strict_reading_pays() -> None:
    both = group(("#### 18", False), (r"\boxed{18}", False))
    with Grader() as grader:
        (boxed,) = grade_groups(grader, [both], "strict", Marker.BOXED)
        (lenient,) = grade_groups(grader, [both], "lenient", Marker.BOXED)
    assert (boxed.rewards, lenient.rewards) == ((0.0, 1.0), (1.0, 1.0))


def test_a_given_beginning_of_the_answer_is_graded_with_it() -> None:
    begun = group(("18}", False), ("18", False), ("1", True))
    begun = replace(begun, problem=replace(begun.problem, framing=Framing(prefill=r"It is \boxed{")))
    with Grader() as grader:
        (graded,) = grade_groups(grader, [begun], "strict", Marker.BOXED)
    assert graded.rewards == (1.0, 0.0, 0.0)


def test_a_word_that_the_limit_cut_is_no_answer() -> None:
    with Grader() as grader:
        (graded,) = grade_groups(
            grader, [group(("#### 18", False), ("#### 18", True), ("#### 18 and", True), ("18", True))], "lenient", None
        )
    assert graded.rewards == (1.0, 0.0, 1.0, 0.0)
    assert share_of([graded], "lenient", Verdict.UNPARSED) == 0.5


@pytest.mark.parametrize("text", ["", " ", "18", "#### 1", "a b ", "a\n#### 18\x1c", "a\u3000b", "0" * 200_000 + "\n0"])
def test_only_the_last_word_is_cut_in_linear_time(text: str) -> None:
    started = time.process_time()
    found = without_cut_word(text, truncated=True)
    assert time.process_time() - started < 1
    short = text[-1000:]
    assert found == text.removesuffix(short) + re.sub(r"\S+\Z", "", short)


def test_grades_stay_with_their_completions() -> None:
    groups = [group(("#### 18", False), ("#### 1", False)), group(("#### 2", False), ("#### 18", False))]
    groups[1] = replace(groups[1], problem=replace(groups[1].problem, answer="2"))
    with Grader() as grader:
        assert [g.rewards for g in grade_groups(grader, groups, "strict", None)] == [(1.0, 0.0), (1.0, 0.0)]


def test_a_problem_with_a_rubric_is_judged_by_it_and_keeps_it_on_disk() -> None:
    pytest.importorskip("reasoning_gym", reason="the extra reasoning-gym is not installed")
    entry = {"question": "?", "answer": "3*7", "metadata": {"numbers": [3, 7], "target": 21}}
    rubric = Rubric(scorer="reasoning_gym:countdown", entry=json.dumps({"config": {}, "entry": entry}))
    own = group(("#### 7*3", False), ("#### 21", False))
    own = replace(own, problem=replace(own.problem, answer="3*7", question="Make 21.", rubric=rubric))
    with Grader() as grader:
        graded = grade_groups(grader, [own, group(("#### 18", False), ("#### 7*3", False))], "strict", None)
    assert [g.rewards for g in graded] == [(1.0, 0.0), (1.0, 0.0)]
    assert GROUPS.validate_json(GROUPS.dump_json(graded)) == graded


def test_a_shaped_reward_moves_no_accuracy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """This holds for evaluations while training, and for ``harness eval``."""
    shaped = small_config("frozen", seed=3)
    run_small(shaped, tmp_path / "plain")
    monkeypatch.setattr("harness.rollout.grading.reward_of", lambda found: 1.0 if found is Verdict.CORRECT else 0.3)
    run_small(shaped, tmp_path / "shaped")
    plain, other = (history(tmp_path / name)[1:] for name in ("plain", "shaped"))
    assert plain == other
    assert 0 < plain[0]["accuracy"] < 1

    with Grader() as grader:
        groups = grade_groups(grader, [group(("#### 18", False), ("#### 19", False))], "strict", None)
    assert groups[0].rewards == (1.0, 0.3)
    assert correct_of(groups, "strict").tolist() == [[True, False]]
