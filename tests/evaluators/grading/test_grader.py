"""The verdicts of the grader in chosen cases: strict verdict, lenient verdict."""

from collections.abc import Iterator

import pytest

from evaluators.grading.grader import Grade, Grader
from evaluators.types import Verdict

C, W, U = Verdict.CORRECT, Verdict.WRONG, Verdict.UNPARSED

MARKERS = [
    ("18", "9*2 = 18.\n#### 18", C, C),
    ("18", "####18", C, C),
    ("18", r"so \boxed{18}.", C, C),
    ("18", r"#### \boxed{18}", C, C),
    ("18", r"\boxed {18}", C, C),
    ("18", r"first \boxed{3} apples, then \boxed{18} in all", C, C),
    ("18", "#### 18\n#### 18", C, C),
    ("18", r"\boxed{18}, \boxed{18}", C, C),
    # Several guesses.
    ("18", "#### 18\n#### 19", U, U),
    ("18", "#### 19\n#### 18", U, U),
    ("18", "#### 18 #### 19", U, U),
    ("18", r"\boxed{3}\boxed{18}", U, U),
    ("18", r"\boxed{3}, \boxed{18}", U, U),
    ("18", r"$\boxed{3}$ or $\boxed{18}$", U, U),
    ("18", r"\boxed{3} \boxed{18} \boxed{18}", U, U),
    ("18", "\\boxed{3}\n#### 18", U, U),
    ("18", "#### 18 or 19", W, W),
    ("18", "#### 18, 19", W, W),
    ("18", r"#### 17 \boxed{18}", W, W),
    # An invented next question.
    ("18", "#### 18\n\nQuestion: What is 3+4?\nAnswer: #### 7", U, U),
    ("18", "#### 17\n\nQuestion: What is 9+9?\nAnswer: #### 18", U, U),
    ("18", "#### 18\n\nQuestion: What is 3+4?", C, C),
    ("18", r"\boxed{18}. Question: What is 3+4? Answer: it is \boxed{7}.", W, W),
    # The text is cut off, or has no marker.
    ("18", r"it is \boxed{18", U, U),
    ("18", r"it is \boxed{18}, no, \boxed{1", U, U),
    ("18", "####", U, U),
    ("18", "#### 18\n####", U, U),
    ("18", r"\boxed{\boxed{18}}", C, C),
    ("18", r"\boxed{}", U, U),
    ("18", "##### 18", U, C),
    ("18", "### 18", U, C),
    ("18", "<answer>18</answer>", U, C),
    ("18", "", U, U),
    ("18", "I do not know.", U, U),
]

UNMARKED = [
    ("18", "The answer is 18", U, C),
    ("18", "The answer is **18**.", U, C),
    ("18", "She makes 9 * 2 = $18 every day.", U, C),
    ("18", "9*2 = 18 dollars", U, C),
    ("18", "9*2 = 18 dollars, so she", U, U),
    ("18", "9*2 = 18 dollars so she", U, U),
    ("18", "the total is 18,", U, U),
    ("18", "18 +", U, U),
    ("18", "18 =", U, U),
    ("18", r"Hence $x = 18$.", U, C),
    ("18", r"Hence \(x = 18\).", U, C),
    (r"\frac{3}{2}", r"Hence \[x = \frac{3}{2}\].", U, C),
    ("2", "In all 9 * 2.", U, W),
    ("18", "It is 18 thousand.", U, W),
    ("18", "On the 18th.", U, W),
    ("2", "He has 1,2.", U, W),
    ("18", "It is x18.", U, U),
    ("-18", "It is -18.", U, C),
    ("18", "It is -18.", U, W),
    ("10", "It is 2^10.", U, W),
    ("18", "It is 18%.", U, W),
]

NUMBERS = [
    ("1234", "$1,234.00"),
    ("1,234", "1234"),
    ("1234", "1{,}234"),
    ("10080", r"10,\!080"),
    ("10080", r"10\,080"),
    ("18", "18."),
    ("18", "**18**"),
    ("18", "18.0"),
    ("18", "018"),
    ("18", "+18"),
    ("18", r"\$18"),
    ("18", "€18"),
    ("18", "18€"),
    ("18", "18 dollars per day"),
    ("18", "18kg"),
    ("18", "18 km/h"),
    ("18", r"18\text{ cm}^2"),
    ("18", r"18\,\mathrm{m}"),
    ("18", r"18^{\circ}"),
    ("18", r"\textbf{18}"),
    ("18", "x = 18"),
    ("18", "18 = x"),
    ("18", "18 = 9*2"),
    ("18", "1.8e1"),
    ("18", "１８"),
    ("18", "9 * 2 = 18"),
    ("-5", "-$5"),
    ("-5", "$-5"),
    ("-5", "−5"),
    ("0.5", ".5"),
    ("0.5", r"\frac{1}{2}"),
    ("0.5", r"\dfrac12"),
    ("-0.5", "-1/2"),
    (r"18\%", "18"),
    (r"18\%", "18 percent"),
    ("52_8", "52"),
    ("52_8", "52_{8}"),
    (r"145^\circ", "145"),
]

NOT_NUMBERS = [
    ("12", "1,2"),
    ("1.2", "1,2"),
    ("1234", "12,34"),
    ("123", "0,123"),
    ("18", "1 8"),
    ("18", "1$8"),
    ("18", "-18"),
    ("18", "18%"),
    ("18", r"18\%"),
    ("0.18", r"18\%"),
    ("18", "18 thousand"),
    ("18", "18 half"),
    ("18", r"18\text{ hundred}"),
    ("18", r"18\text{ or more}"),
    ("18", "18k"),
    ("18", "18x"),
    ("18", r"18\pi"),
    ("18", "18!"),
    ("18", "9*2"),
    ("18", "17+1"),
    ("18", "36/2"),
    ("18", r"\frac{36}{2}"),
    ("18", "18/1"),
    ("0.5", "2/4"),
    ("0.5", "1/0"),
    ("1024", "2^{10}"),
    ("18", "x > 18"),
    ("18", "x >= 18"),
    ("18", r"x \neq 18"),
    ("18", r"x \not= 18"),
    ("11", "11_2"),
    ("3", "11_2"),
    ("52_8", "52_9"),
    ("18", "18.0000001"),
    ("18", "18e1"),
]

FORMULAS = [
    (r"\frac{3}{2}", "1.5", C),
    (r"\frac{3}{2}", r"\frac{6}{4}", C),
    (r"\frac{1}{3}", "0.333333", C),
    (r"\frac{1}{3}", "0.3333", W),
    ("x^2+1", "1+x^2", C),
    ("x^2+1", "x^2-1", W),
    ("(3,5)", "(3, 5)", C),
    ("(3,5)", "(5, 3)", W),
    ("3,5", "5, 3", C),
    ("3,5", "3,5,7", W),
    (r"\text{even}", "even", C),
    (r"\text{even}", r"\text{odd}", W),
    (r"6+9i", "9i+6", C),
    (r"\infty", r"+\infty", C),
    ("1/2^{98}", "1/2^{99}", W),
    ("1/2^{98}", "x = 1/2^{99}", W),
    ("1/2^{98}", r"\frac{1}{2^{98}}", C),
    ("x+1", "1+x" + "+0" * 100, C),
    ("x+1", "1+x" + "+0" * 150, W),  # too long
]


@pytest.fixture(scope="module")
def grader() -> Iterator[Grader]:
    with Grader() as grader:
        yield grader


@pytest.mark.parametrize(("expected", "text", "strict", "lenient"), [*MARKERS, *UNMARKED])
def test_where_the_answer_stands(grader: Grader, expected: str, text: str, strict: Verdict, lenient: Verdict) -> None:
    grade = grader.grade([(expected, text)])[0]
    assert (grade.strict, grade.lenient) == (strict, lenient), grade.extracted


@pytest.mark.parametrize(("expected", "answer"), NUMBERS)
def test_a_number_written_otherwise_is_correct(grader: Grader, expected: str, answer: str) -> None:
    assert verdicts(grader, expected, answer) == {C}


@pytest.mark.parametrize(("expected", "answer"), NOT_NUMBERS)
def test_what_is_not_that_number_is_wrong(grader: Grader, expected: str, answer: str) -> None:
    assert verdicts(grader, expected, answer) == {W}


@pytest.mark.parametrize(("expected", "answer", "verdict"), FORMULAS)
def test_formulas(grader: Grader, expected: str, answer: str, verdict: Verdict) -> None:
    assert verdicts(grader, expected, answer) == {verdict}


def test_grades_keep_their_order_and_what_was_extracted(grader: Grader) -> None:
    items = [("1", "#### 1"), ("x+1", r"\boxed{1 + x}"), ("2", "#### 3"), ("2", "none"), ("1", "#### " + "1" * 999)]
    assert grader.grade(items) == [
        Grade(strict=C, lenient=C, extracted="1"),
        Grade(strict=C, lenient=C, extracted="1 + x"),
        Grade(strict=W, lenient=W, extracted="3"),
        Grade(strict=U, lenient=U, extracted=None),
        Grade(strict=W, lenient=W, extracted="1" * 300),
    ]
    assert grader.grade([]) == []


def test_no_comparison_needs_a_process() -> None:
    with Grader() as grader:
        grader.grade(
            [("18", "#### 18"), ("18", "#### 9^{9^{9^9}}"), ("x+1", r"\boxed{1+x}"), ("x+1", r"\boxed{\int x}")]
        )
        assert grader._process is None


def verdicts(grader: Grader, expected: str, answer: str) -> set[Verdict]:
    """The verdicts after either marker, strict and lenient."""
    grades = grader.grade([(expected, f"#### {answer}"), (expected, rf"so $\boxed{{{answer}}}$.")])
    return {verdict for grade in grades for verdict in (grade.strict, grade.lenient)}
