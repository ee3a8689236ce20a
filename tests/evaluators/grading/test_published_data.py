"""The grader on every published solution of GSM8K and MATH-500."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from evaluators.grading.extraction import tidy
from evaluators.grading.gold import Kind, read_gold
from evaluators.grading.grader import Grader
from evaluators.types import Verdict

SIZES = {"train": 7473, "test": 1319}


@pytest.fixture(scope="module")
def grader() -> Iterator[Grader]:
    with Grader() as grader:
        yield grader


def rows(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module", params=SIZES)
def solutions(request: pytest.FixtureRequest, data_dir: Path) -> list[tuple[str, str]]:
    """(working, answer) for each problem of GSM8K."""
    parts = [row["answer"].split("####") for row in rows(data_dir / f"gsm8k_{request.param}.jsonl")]
    assert len(parts) == SIZES[request.param]
    return [(working, answer.strip()) for working, answer in parts]


def strict(grader: Grader, items: list[tuple[str, str]]) -> Counter[Verdict]:
    return Counter(grade.strict for grade in grader.grade(items))


def test_own_solutions_are_correct(grader: Grader, solutions: list[tuple[str, str]]) -> None:
    for form in ("{w}#### {a}", "{w}#### ${a}.00", "{w}#### {a} apples.", "{w}The answer is $\\boxed{{{a}}}$."):
        items = [(a.replace(",", ""), form.format(w=w, a=a)) for w, a in solutions]
        assert strict(grader, items) == {Verdict.CORRECT: len(solutions)}, form


def test_altered_answers_are_wrong(grader: Grader, solutions: list[tuple[str, str]]) -> None:
    def altered(answer: str) -> list[str]:
        value = int(answer.replace(",", ""))
        return [str(value + 1), str(value * 10 + 1), str(-value - 1), f"{value}.5", f"{value}%", f"{value - 1}+1"]

    items = [(answer, f"{working}#### {other}") for working, answer in solutions for other in altered(answer)]
    assert strict(grader, items) == {Verdict.WRONG: 6 * len(solutions)}


def test_removed_answers_are_not_found(grader: Grader, solutions: list[tuple[str, str]]) -> None:
    for cut in ("", "####", "#### ", "\\boxed{{{a}"):
        items = [(answer, working + cut.format(a=answer)) for working, answer in solutions]
        assert strict(grader, items) == {Verdict.UNPARSED: len(solutions)}, cut


def test_math_500(grader: Grader, data_dir: Path) -> None:
    path = data_dir / "math500_test.jsonl"
    if not path.is_file():
        pytest.skip(f"no {path.name} in {data_dir}")
    answers = [tidy(row["answer"]) for row in rows(path)]
    own = [(row["answer"], row["solution"]) for row in rows(path)]
    assert strict(grader, own) == {Verdict.CORRECT: 500}
    respaced = [(answer, rf"\boxed{{{answer.replace(' ', '')}}}") for answer in answers]
    assert strict(grader, respaced) == {Verdict.CORRECT: 500}
    removed = [(answer, re.sub(r"\\f?boxed", "", solution)) for answer, solution in own]
    assert strict(grader, removed) == {Verdict.UNPARSED: 500}
    others = [(answer, rf"\boxed{{{answers[n - 1]}}}") for n, answer in enumerate(answers)]
    # Some neighbours have the same answer by chance, and 5 is accepted for x=5.
    expected = {Verdict.WRONG: 497, Verdict.CORRECT: 3}
    assert strict(grader, others) == expected


@pytest.mark.parametrize("name", ["gsm8k_train", "gsm8k_test", "math500_test", "svamp_test"])
def test_every_expected_answer_is_understood(name: str, data_dir: Path) -> None:
    path = data_dir / f"{name}.jsonl"
    if not path.is_file():
        pytest.skip(f"no {path.name} in {data_dir}")
    for row in rows(path):
        answer = str(row["Answer"] if "Answer" in row else row["answer"])
        assert read_gold(answer).kind is not Kind.FORMULA, answer
