r"""Notations that mean the same, and marks with a meaning: currencies in \text, lines, primes, scalars, *or*."""

import pytest

from evaluators.grading.extraction import extract
from evaluators.grading.grader import Grader
from evaluators.types import Verdict
from tests.support.answers import cases, right, wrong

MATRIX = r"\begin{pmatrix} 2 & -4 \\ 6 & 8 \end{pmatrix}"
RIGHT = {
    r"\begin{bmatrix}1\\-3\end{bmatrix}": [
        r"\vec{v}=\begin{bmatrix}1\\-3\end{bmatrix}",
        r"\mathbf{v}=\begin{pmatrix}1\\-3\end{pmatrix}",
    ],
    "True, False": ["true, false", r"\text{True and False}"],
    "well-known": ["well known", "Well-known"],
    r"r=2\cos\theta": [r"2\cos\theta", r"r = 2\cos(\theta)"],
    "950": [
        *[
            r"\text{\$}950",
            r"\text{€}950",
            r"\text{£}\,950",
            r"\mathrm{\$}950",
            r"\mbox{\$}950",
            r"\text{USD }950",
            r"\text{USD}\ 950",
            r"\text{Rs. }950",
            r"\text{Rs}\,950",
            r"{\$}950",
        ],
        *[r"\pounds 950", r"\textsterling 950", r"\text{\$950}", r"\text{USD 950}", "x := 950", r"950\ \checkmark"],
        *[
            r"\begin{aligned} 950 \end{aligned}",
            r"\begin{aligned} x &= 950 \\ \end{aligned}",
            r"\begin{array}{c} 950 \end{array}",
            r"\begin{gathered}950\end{gathered}",
            r"\begin{split}950\end{split}",
        ],
    ],
    r"\theta": [r"\vartheta"],
    "2.4": [r"2.4\text{ or }\frac{12}{5}", r"\frac{12}{5}\text{ or }2.4", r"2.4, \text{ or } 2\frac25"],
    r"\frac{5}{12}": [
        r"\text{five twelfths}",
        r"P(X=2)=\frac{5}{12}",
        r"\frac{5}{12}\approx 0.417",
        r"\frac{5}{12}\approx 0.416",
    ],
    MATRIX: [
        r"2\begin{pmatrix} 1 & -2 \\ 3 & 4 \end{pmatrix}",
        r"-\begin{pmatrix} -2 & 4 \\ -6 & -8 \end{pmatrix}",
        r"A = 2\cdot\begin{bmatrix} 1 & -2 \\ 3 & 4 \end{bmatrix}",
    ],
    r"\frac{1}{3}\begin{pmatrix}1\\2\end{pmatrix}": [
        r"\begin{pmatrix}1/3\\2/3\end{pmatrix}",
        r"\frac13\begin{bmatrix}1\\2\end{bmatrix}",
    ],
    "(7,-2)": [r"\begin{cases}x=7\\y=-2\end{cases}", r"\begin{aligned} x &= 7 \\ y &= -2 \end{aligned}"],
    "0.6666666667": ["0.67", "0.667", "0.666667", r"\frac23"],
    "0.0012345679": ["0.0012"],
    "['19']": ["19"],
    "6-3, 7-5": ["6-3, 7-5"],
    "apple, pear": ["pear, apple", r"\text{pear and apple}", r"\text{pear \& apple}"],
    "A=B": ["B=A", "A = B"],
    "none": [r"\emptyset", r"\varnothing", r"\{\}", "None", "no solution"],
    "no solution": ["none", "None"],
}
WRONG = {
    r"\sqrt{3}, 5": [r"-\sqrt{3}, 5", r"5, -\sqrt{3}", r"\sqrt{3}, -5"],
    r"(\sqrt{3}, \pi)": [r"(-\sqrt{3}, \pi)", r"(\sqrt{3}, -\pi)"],
    r"r=2\cos\theta": [r"r=-2\cos\theta", r"-2\cos\theta", r"r=2\sin\theta"],
    r"\begin{pmatrix}\sqrt{3}\\\theta\end{pmatrix}": [
        r"\begin{pmatrix}-\sqrt{3}\\\theta\end{pmatrix}",
        r"\begin{pmatrix}\sqrt{3}\\-\theta\end{pmatrix}",
    ],
    "infinity": ["-infinity", "- infinity"],
    "True, False": ["False, True", "True", "True, True"],
    "yes, no": ["no, yes"],
    "950": [
        r"\text{A }950",
        r"\text{NOT }950",
        r"\text{TEN }950",
        r"\text{LOG }950",
        r"\begin{aligned} 95 \\ 0 \end{aligned}",
        r"\begin{array}{cc} 9 & 50 \end{array}",
        r"\begin{aligned} 940 \\ 950 \end{aligned}",
    ],
    "1000": [r"\begin{aligned} 1 & 000 \end{aligned}"],
    "2.4": [
        r"\frac{12}{5}\text{ or }2.5",
        "2.3 or 2.4",
        "2.4 or 2.4 or 2.5",
        "or 2.4",
        "2.4 or",
        "2.4 or x",
        r"2.4\text{ or }240\%",
    ],
    r"\frac{5}{12}": [
        r"\frac{5}{12}'",
        "5/12'",
        r"\frac5{12}'",
        r"\frac{5}{12}''",
        r"(\frac{5}{12})'",
        r"\left(\frac{5}{12}\right)'",
        r"\frac{5}{12}^{\prime}",
        r"\frac{5}{12}\approx 0.5",
        r"\frac{5}{12}\approx 0.418",
    ],
    MATRIX: [
        rf"2{MATRIX}",
        rf"-{MATRIX}",
        rf"{MATRIX}^{{-1}}",
        rf"{MATRIX}^T",
        rf"x{MATRIX}",
        rf"?{MATRIX}",
        rf"\det{MATRIX}",
    ],
    "(7,-2)": [
        r"\begin{cases}x=7\\x=-2\end{cases}",
        r"\begin{cases}x=-2\\y=7\end{cases}",
        r"\begin{cases}x>7\\y=-2\end{cases}",
    ],
    "0.6666666667": ["0.66", "0.7", "0.668", "1", "0.666"],
    "0.0012345679": ["0.00", "0.001", "0.0013"],
    "6-3, 7-5": ["3, 2", "2, 3", "3-6, 7-5"],
    "apple, pear": ["apple", "apple, apple", "apple, pear, plum", "pearapple"],
    "first, second, third": ["third, second, first"],
    "A=B": ["A", "B"],
    "none": ["0", "one", "neon", "none of them"],
}


@pytest.mark.parametrize(("expected", "answer"), cases(RIGHT))
def test_right(expected: str, answer: str) -> None:
    right(expected, answer)


@pytest.mark.parametrize(("expected", "answer"), cases(WRONG))
def test_wrong(expected: str, answer: str) -> None:
    wrong(expected, answer)


@pytest.mark.parametrize(
    "text",
    [
        "#### 72 ####",
        "####72####\nDone.",
        "#### 72 clips ####\nExplanation: 48+24.",
        "#### \\boxed{72} ####",
        "#### Answer: 72 ####",
        "#### 72 ####\n\\boxed{72}",
        "#### 72 ####\n#### 72 ####",
    ],
)
def test_a_closing_sign(text: str) -> None:
    found = extract(text)
    assert found.marked
    right("72", found.answer or "")


@pytest.mark.parametrize(
    "text", ["#### 72 #### 73", "#### 71 ####\n#### 72 ####", "#### 72\n\n####", "#### 72\n####", "\\boxed{72} ####"]
)
def test_a_second_sign_that_closes_nothing(text: str) -> None:
    with Grader() as grader:
        assert grader.grade([("72", text)])[0].strict is not Verdict.CORRECT


SCIENTIFIC = ["5.2e6", "5.2E6", "5.2e+06", "5.2 × 10⁶", "5.2 × 10^6", "5.2 x 10^6", "5.2 \\times 10^{6}"]


@pytest.mark.parametrize("number", SCIENTIFIC)
@pytest.mark.parametrize("behind", ["", ".", " cells.", " kg"])
def test_scientific_notation_in_a_text(number: str, behind: str) -> None:
    assert lenient("5.2e6", f"So the count is {number}{behind}") is Verdict.CORRECT
    for other in ("5.2", "6", "10", "5.2e5"):
        assert lenient(other, f"So the count is {number}{behind}") is not Verdict.CORRECT


@pytest.mark.parametrize(
    "text",
    [
        "Could be 16 or 17.",
        "It is $16$ or $17$.",
        "The answer is not 17.",
        "The answer is 16, not 17.",
        "It isn't 17.",
        "It is never 17.",
        "It is more than 17.",
        "We have 16 < 17",
        "n ≤ 17",
    ],
)
def test_a_number_that_is_not_stated(text: str) -> None:
    assert lenient("17", text) is not Verdict.CORRECT


THOUGHT = r"<think>16? \boxed{17}</think>"


@pytest.mark.parametrize("reply", ["", "\n", "The answer is 17.", r"\boxed{17}", "Done, as shown."])
def test_what_is_said_behind_the_thoughts_agrees(reply: str) -> None:
    assert lenient("17", THOUGHT + reply) is Verdict.CORRECT


@pytest.mark.parametrize(
    "reply", ["The answer is 18.", "So there are 18 apples.", r"\boxed{18}", "#### 18", "Answer: 18"]
)
def test_what_is_said_behind_the_thoughts_is_something_else(reply: str) -> None:
    with Grader() as grader:
        for gold, verdict in (("17", Verdict.WRONG), ("18", Verdict.CORRECT)):
            assert grader.grade([(gold, THOUGHT + reply)])[0].lenient is verdict
        assert grader.grade([("17", THOUGHT + reply)])[0].strict is not Verdict.CORRECT


BRACKETS = [
    "【35】",
    "「35」",
    "《35》",
    "• 35",
    "答案：35",
    "答案是35",
    "Ответ: 35",
    "Antwort: 35",
    "Respuesta: 35",
    "a total of 35",
]


@pytest.mark.parametrize("line", BRACKETS)
def test_a_line_in_other_brackets_and_languages(line: str) -> None:
    right("35", extract(f"#### {line}").answer or "")


@pytest.mark.parametrize("answer", [r"-\left(\frac{2}{9}\right)", "-(2/9)", r"-(\frac29)", "-( 2/9 )"])
def test_a_sign_before_brackets(answer: str) -> None:
    right(r"-\frac{2}{9}", answer)
    wrong(r"\frac{2}{9}", answer)


@pytest.mark.parametrize("answer", ["-(2-9)", "-(2, 9)", "-(2)9", "-(x)", "-(2)(9)", "-(-2)"])
def test_a_sign_before_other_brackets(answer: str) -> None:
    wrong("-2", answer)


@pytest.mark.parametrize("text", ["We sell half, or 34/2 = 17.", "That is twice as many, or 17 boxes."])
def test_or_before_an_explanation(text: str) -> None:
    assert lenient("17", text) is Verdict.CORRECT


def lenient(expected: str, text: str) -> Verdict:
    with Grader() as grader:
        return grader.grade([(expected, text)])[0].lenient
