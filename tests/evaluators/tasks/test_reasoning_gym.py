"""Generated problems, and the scorers that come with them."""

import json
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from evaluators.grading.grader import Grader
from evaluators.grading.scorers import may_see
from evaluators.tasks import load_problems
from evaluators.types import Problem, Rubric, Split, TaskError, Verdict

pytest.importorskip("reasoning_gym", reason="the extra reasoning-gym is not installed")
NAME = "reasoning_gym:countdown"
DECIMALS = "reasoning_gym:decimal_arithmetic"
C, W, U = Verdict.CORRECT, Verdict.WRONG, Verdict.UNPARSED


@pytest.fixture(scope="module")
def splits() -> dict[Split, list[Problem]]:
    return {split: load_problems(NAME, split, count=100) for split in Split}


@pytest.fixture(scope="module")
def grader() -> Iterator[Grader]:
    with Grader() as grader:
        yield grader


def rubric(numbers: list[int], target: int, answer: str = "?") -> Rubric:
    entry = {"question": "?", "answer": answer, "metadata": {"numbers": numbers, "target": target}}
    return Rubric(scorer=NAME, entry=json.dumps({"config": {}, "entry": entry}))


def strict(grader: Grader, rubric: Rubric, *answers: str) -> list[Verdict]:
    return [grade.strict for grade in grader.grade([(rubric, f"So\n#### {answer}") for answer in answers])]


def test_splits_are_disjoint_and_deterministic(splits: dict[Split, list[Problem]]) -> None:
    problems = [problem for part in splits.values() for problem in part]
    assert {split: len(part) for split, part in splits.items()} == {"train": 81, "validation": 8, "test": 11}
    assert len({problem.id for problem in problems}) == len({problem.question for problem in problems}) == 100
    assert all(problem.split is split for split, part in splits.items() for problem in part)
    assert load_problems(NAME, Split.TEST, count=100) == splits[Split.TEST]
    assert load_problems(NAME, Split.TEST, count=200)[:11] == splits[Split.TEST]
    other = load_problems(NAME, Split.TEST, count=100, seed=1)
    assert not {problem.id for problem in other} & {problem.id for problem in problems}


def test_a_question_with_its_numbers_in_another_order_is_in_the_same_split() -> None:
    splits = {split: load_problems("reasoning_gym:gcd", split, count=1200, max_value=40) for split in Split}
    numbers = {
        split: {tuple(sorted(re.findall(r"\d+", problem.question))) for problem in part}
        for split, part in splits.items()
    }
    assert all(len(found) < len(splits[split]) for split, found in numbers.items())  # some are there in both orders
    assert not numbers[Split.TRAIN] & (numbers[Split.TEST] | numbers[Split.VALIDATION])
    assert not numbers[Split.TEST] & numbers[Split.VALIDATION]


def test_settings_reach_the_generator_and_its_scorer(grader: Grader) -> None:
    easy = load_problems(NAME, Split.TRAIN, count=20, min_numbers=2, max_numbers=2)
    assert all(len(json.loads(p.rubric.entry)["entry"]["metadata"]["numbers"]) == 2 for p in easy if p.rubric)
    # The scorer of this generator allows an error of one unit in the last of the decimals that its settings give.
    rounded = load_problems(DECIMALS, Split.TRAIN, count=5, min_num_decimal_places=1, max_num_decimal_places=2)[0]
    assert rounded.rubric
    answers = [f"{float(rounded.answer) + error:.6f}" for error in (0, 0.005, 0.02)]
    assert strict(grader, rounded.rubric, *answers) == [C, C, W]


def test_the_own_answer_is_correct(splits: dict[Split, list[Problem]], grader: Grader) -> None:
    for problem in splits[Split.TEST]:
        assert problem.rubric and problem.question == problem.prompt
        assert strict(grader, problem.rubric, problem.answer, problem.answer + "+1", "1") == [C, W, W]


def test_any_right_answer_is_correct_and_only_a_full_score(grader: Grader) -> None:
    made = rubric([3, 7, 2], 42, answer="3*7*2")
    assert strict(grader, made, "3*7*2", "2*(7*3)", "7*2/(1/3)", "6*7", "3*7+2", "42", "") == [C, C, W, W, W, W, U]
    lenient = grader.grade([(made, "It is 3*7*2"), (made, "I give up")])
    assert [(grade.strict, grade.lenient) for grade in lenient] == [(U, C), (U, U)]


def test_rubrics_and_answers_are_graded_side_by_side(grader: Grader) -> None:
    made = rubric([3, 7], 21)
    grades = grader.grade([(made, "#### 7*3"), ("x+1", r"\boxed{1+x}"), (made, "#### 7+3"), ("21", "#### 7*3")])
    assert [grade.strict for grade in grades] == [C, C, W, W]


def test_a_slow_score_is_a_timeout_and_a_broken_one_an_error(grader: Grader) -> None:
    made = rubric([3, 7], 21)
    started = time.monotonic()
    assert strict(grader, made, "9**9**9**9", "3*7") == [Verdict.TIMEOUT, C]
    assert time.monotonic() - started < 6
    broken = Rubric(scorer=NAME, entry='{"config": {}}')
    assert strict(grader, broken, "3*7") == [Verdict.ERROR]
    assert strict(grader, made, "3*7") == [C]


def test_a_hang_is_killed_and_the_next_grades_go_on() -> None:
    made = rubric([3, 7], 21)
    with Grader(inner_seconds=60, kill_after=1.0) as grader:
        assert strict(grader, made, "3*7", "9**9**9**9", "7*3") == [C, Verdict.TIMEOUT, C]


def test_an_unknown_scorer_is_no_verdict(grader: Grader) -> None:
    for scorer, reason in (("reasoning_gym:nope", "not registered"), ("my:scorer", "no scorers are known of 'my'")):
        with pytest.raises(RuntimeError, match=rf"the scorer {scorer} cannot be loaded \(ValueError: .*{reason}"):
            grader.grade([(Rubric(scorer=scorer, entry="{}"), "#### 1")])
    assert strict(grader, rubric([3, 7], 21), "3*7") == [C]


def attacks(file: str) -> list[str]:
    """Answers that create ``file`` if they are run as Python."""
    opened = f"open('{file}','w')"
    return [
        *(f"__import__('os').system('touch {file}')", f'exec("{opened}")', opened, f"[{opened}]", f"({opened},)"),
        *(f"x={opened}", f"1+0*len(str({opened}))", f"{{{opened}}}"),
    ]


def test_an_answer_is_never_run_as_code(grader: Grader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every scorer of the installed version gets the attacks that may reach it. The grader gets all of them."""
    from reasoning_gym.factory import DATASETS, create_dataset

    monkeypatch.chdir(tmp_path)
    seen = 0
    for name in sorted(set(DATASETS) - {"composite"}):
        dataset = create_dataset(name, seed=2, size=1)
        entry = json.loads(json.dumps(dataset[0], default=str))
        own = str(entry["answer"])
        for attack in attacks(name):
            for answer in (attack, own + attack, own[:-1] + attack + own[-1:]):
                if may_see(f"reasoning_gym:{name}", answer):
                    seen += 1
                    try:
                        dataset.score_answer(answer, entry)
                    except Exception:  # scorers fail on nonsense
                        continue
    assert seen > 1000 and not list(tmp_path.iterdir())
    assert set(strict(grader, rubric([3, 7], 21), *attacks(str(tmp_path / "file")))) <= {W, U}
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("answer", ["(85 - 1)/14*49", "x**3/3 + C", "[1, 2], 3", "-2.5^y"])
def test_mathematics_is_let_through(answer: str) -> None:
    assert may_see(NAME, answer)


REFUSED: dict[str, tuple[str, dict[str, Any], str]] = {
    "no generator": ("reasoning_gym", {}, r"no generator ''; name one after a colon, such as reasoning_gym:countdown"),
    "unknown generator": ("reasoning_gym:coutdown", {}, "no generator 'coutdown', did you mean 'countdown'"),
    "unknown setting": (NAME, {"min_nubers": 3}, "has no option 'min_nubers', did you mean 'min_numbers'"),
    "setting of ours": (NAME, {"variant": "x"}, "has no option 'variant'"),
    "bad setting": (NAME, {"min_numbers": 30}, r"refuses its settings \(max_numbers must be >= min_numbers\); change"),
    "count": (NAME, {"count": 0}, "a count of at least 1, not 0"),
    "prompt": (NAME, {"prompt": "?"}, r"has no \{question\}"),
    "unworkable": (DECIMALS, {"max_num_decimal_places": 2}, "fails at its problem 0 .*; use other settings"),
    "exhausted": (
        "reasoning_gym:coin_flip",
        {"min_trials": 3, "max_trials": 3, "count": 50},
        "distinct problems among",
    ),
    "several lines": ("reasoning_gym:mini_sudoku", {}, "mini_sudoku:0: its own answer .* does not get a full score"),
    "no answer": ("reasoning_gym:rush_hour", {}, "rush_hour:0 has no answer"),
    "data": (NAME, {"data": "x.jsonl"}, r"generates its problems and reads no data; remove --data x\.jsonl"),
    "no variants": ("gsm8k:main", {}, "the task gsm8k has no variants; remove ':main'"),
}


@pytest.mark.parametrize(("name", "options", "message"), REFUSED.values(), ids=REFUSED)
def test_refused(name: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(TaskError, match=message) as error:
        load_problems(name, Split.TRAIN, **options)
    assert "\n" not in str(error.value)


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "reasoning_gym.factory", None)
    with pytest.raises(
        TaskError, match=r"needs the package reasoning-gym; pip install 'agro-harness\[reasoning-gym\]'"
    ):
        load_problems(NAME, Split.TRAIN)
