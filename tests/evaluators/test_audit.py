"""The second rule: what it accepts, and where it disagrees with the grader on all published solutions."""

import json
from pathlib import Path

import pytest

from evaluators.audit import Audit, accepts, audit
from evaluators.grading import Grader
from evaluators.types import Verdict


@pytest.mark.parametrize(
    ("expected", "text", "right"),
    [
        ("18", "9*2=18\n#### 18", True),
        ("18", "#### 18 dollars a day", True),
        ("18", "18 is not it, 19 is", False),
        ("1234.5", "so $1,234.50", True),
        ("-3", "x = -3", True),
        ("-3", "x = 3", False),
        (".5", "0.5", True),
        ("18", "", False),
        (r"\frac{1}{2}", r"so \boxed{\frac{1} {2}}.", True),
        (r"\frac{1}{2}", r"so \boxed{0.5}", False),
        ("x^2", "#### x^2\nNext", True),
        ("x^2", "x^2", False),
        ("x", r"\boxed{y} #### x", True),
        ("x", r"\boxed{x", False),
    ],
)
def test_the_rule(expected: str, text: str, right: bool) -> None:
    assert accepts(expected, text) is right


def test_disagreements_are_counted_by_direction() -> None:
    graded = [("1", "1", True), ("1", "2", True), ("1", "1", False), ("1", "3", True), ("1", "3", False)]
    found = audit(graded)
    assert found == Audit(audited=5, paid=2, missed=1)
    assert (found.paid_share, found.missed_share) == (0.4, 0.2)
    assert audit([]).paid_share == 0.0


def rows(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        pytest.skip(f"no {path.name} in {path.parent}")
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def graded(items: list[tuple[str, str]]) -> list[tuple[str, str, bool]]:
    with Grader() as grader:
        grades = grader.grade(items)
    return [(*item, grade.strict is Verdict.CORRECT) for item, grade in zip(items, grades, strict=True)]


def test_on_all_solutions_of_gsm8k_both_rules_agree(data_dir: Path) -> None:
    solutions = [row["answer"] for part in ("train", "test") for row in rows(data_dir / f"gsm8k_{part}.jsonl")]
    kept = [(text.rpartition("####")[2].strip().replace(",", ""), text) for text in solutions]
    altered = [(str(int(answer) + 1), text) for answer, text in kept]
    removed = [(answer, text.rpartition("####")[0]) for answer, text in kept]
    assert audit(graded(kept)) == Audit(audited=8792, paid=0, missed=0)
    assert audit(graded(altered)) == Audit(audited=8792, paid=0, missed=0)
    # The last step of a solution mostly ends in the answer; only the grader asks that it be named.
    assert audit(graded(removed)) == Audit(audited=8792, paid=0, missed=8547)


def test_on_the_solutions_of_math_500(data_dir: Path) -> None:
    problems = [(row["answer"], row["solution"]) for row in rows(data_dir / "math500_test.jsonl")]
    answers = [answer for answer, _ in problems]
    others = [(answer, text) for answer, (_, text) in zip(answers[1:] + answers[:1], problems, strict=True)]
    # Where more is said behind the box, the last number is another one.
    assert audit(graded(problems)) == Audit(audited=500, paid=50, missed=1)
    assert audit(graded(others)) == Audit(audited=500, paid=1, missed=1)
