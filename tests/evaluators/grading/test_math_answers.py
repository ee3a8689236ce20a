"""The answers of MATH. They are graded, and read from the solution if no field contains them."""

import pytest

from evaluators.grading.extraction import last_box
from evaluators.grading.grader import Grader
from evaluators.types import Verdict


@pytest.mark.parametrize(
    ("solution", "answer"),
    [
        (r"first $\boxed{1}$, then $\boxed{\frac{1}{2}}.$", r"\frac{1}{2}"),
        (r"$\boxed{\{1,2\}}$", r"\{1,2\}"),
        (r"$\boxed {5}$ apples", "5"),
        (r"the answer is $\boxed 2$. So $x = 2$.", "2"),
        (r"\[x = \boxed -9.\]", "-9"),
        (r"$\fbox{4}$", "4"),
        (r"$\boxed{3}$, see \fbox{Figure 1}", "3"),
        (r"$\boxed{\boxed{3}}$", "3"),
        (r"$\boxed{1}$, $\boxed{2", None),
        (r"$\boxed{}$", None),
        ("ends in \\boxed", None),
        ("no box, 5", None),
    ],
)
def test_the_last_box(solution: str, answer: str | None) -> None:
    assert last_box(solution) == answer


def test_the_grader_reads_its_answers() -> None:
    forms = [
        (r"\frac{1}{2}", [r"\frac{1}{2}", r"\dfrac12", "1/2", "0.5"], [r"\frac{1}{3}", "2", r"-\frac{1}{2}"]),
        (r"(3, \frac{\pi}{2})", [r"\left(3,\frac{\pi}{2}\right)", r"(3, \pi/2)"], [r"(\frac{\pi}{2}, 3)", "3"]),
        (r"1 + \sqrt{2}", [r"\sqrt{2} + 1", r"\sqrt2+1"], [r"\sqrt{3}", "2.4142"]),
    ]
    with Grader() as grader:
        for expected, right, wrong in forms:
            for answers, verdict in ((right, Verdict.CORRECT), (wrong, Verdict.WRONG)):
                grades = grader.grade([(expected, f"So the answer is $\\boxed{{{a}}}$.") for a in answers])
                assert [grade.strict for grade in grades] == [verdict] * len(answers), expected
