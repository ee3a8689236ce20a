"""Majority votes: equal answers count as one, correct or wrong, in whatever form."""

import numpy as np
import pytest

from evaluators.grading.grader import Grade
from evaluators.statistics.accuracy import majority_at_k
from evaluators.types import Verdict
from harness.studies.evals.measure import answer_of

FORMS = {
    "a half": ["0.5", "1/2", ".50", r"\frac12", r"\frac{1}{2}", "0.500"],
    "a thousand": ["1,000", "1000", "1000.0"],
    "negative": ["-7", "-7.0"],
}


def graded(extracted: str | None, verdict: Verdict = Verdict.WRONG) -> Grade:
    return Grade(strict=verdict, lenient=verdict, extracted=extracted)


@pytest.mark.parametrize("forms", FORMS.values(), ids=FORMS)
def test_equal_answers_are_one(forms: list[str]) -> None:
    assert len({answer_of(graded(form), "strict") for form in forms}) == 1


def test_others_are_not() -> None:
    others = [forms[0] for forms in FORMS.values()] + ["R", "r", "2/1", "x+1"]
    assert len({answer_of(graded(answer), "strict") for answer in others}) == len(others)


def test_wrong_answers_of_many_forms_outvote_a_right_one() -> None:
    """One correct answer, twice, against one wrong answer in three forms."""
    grades = [graded("7", Verdict.CORRECT)] * 2 + [graded(form) for form in FORMS["a half"][:3]]
    correct = np.array([[grade.strict is Verdict.CORRECT for grade in grades]])
    assert majority_at_k(correct, [[answer_of(grade, "strict") for grade in grades]]).tolist() == [0.0]


def test_no_answer_has_no_vote() -> None:
    assert answer_of(graded(None, Verdict.UNPARSED), "strict") is None
    unmarked = Grade(strict=Verdict.UNPARSED, lenient=Verdict.WRONG, extracted="7")
    assert (answer_of(unmarked, "strict"), answer_of(unmarked, "lenient")) == (None, "7")
