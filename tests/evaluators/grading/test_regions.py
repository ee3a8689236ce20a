r"""All real numbers except some: as a difference of sets, in words, and with
e.
"""

import pytest

from tests.support.answers import cases, right, wrong

OUTER = r"(-\infty,1)\cup(5,\infty)"
HOLES = r"\mathbb{R}\setminus\{0,3\}"
RIGHT = {
    OUTER: [
        *[
            r"\mathbb{R}\setminus[1,5]",
            r"\mathbb{R} - [1,5]",
            r"\mathbb R \backslash [1,5]",
            r"(-\infty,\infty)\setminus[1,5]",
            r"x\in\mathbb{R}\setminus\left[1,5\right]",
        ],
        *[r"x<1 \lor x>5", r"x<1 \vee x>5"],
    ],
    r"(-\infty,1]\cup[5,\infty)": [r"\mathbb{R}\setminus(1,5)"],
    r"(-\infty,1]\cup(5,\infty)": [r"\mathbb{R}\setminus(1,5]"],
    r"(1,5)": [r"\mathbb{R}\setminus((-\infty,1]\cup[5,\infty))"],
    r"(-\infty,2]": [r"\mathbb{R}\setminus(2,\infty)"],
    r"(-\infty,1)\cup(2,3)\cup(4,\infty)": [r"\mathbb{R}\setminus([3,4]\cup[1,2])"],
    HOLES: [
        *[
            r"(-\infty,0)\cup(0,3)\cup(3,\infty)",
            r"\mathbb{R}\setminus\{3,0\}",
            r"\mathbb{R}-\{0,3\}",
            r"x\ne 0,3",
            r"x\neq 0, 3",
            r"x \ne 0 \text{ and } 3",
        ],
        *[r"\text{all real numbers except }0\text{ and }3", "all real numbers except x = 0 and 3"],
    ],
    r"(-\infty,0)\cup(0,\infty)": [r"\mathbb{R}\setminus\{0\}", r"x\ne 0", "all real numbers except 0"],
}
WRONG = {
    OUTER: [
        *[
            r"\mathbb{R}\setminus[1,5)",
            r"\mathbb{R}\setminus(1,5)",
            r"\mathbb{R}\setminus[1,6]",
            r"\mathbb{R}\setminus\{1,5\}",
            r"\mathbb{R}\setminus[5,1]",
            r"[1,5]",
        ],
        *[
            r"\mathbb{Z}\setminus[1,5]",
            r"\mathbb{R}\cup[1,5]",
            r"[0,9]\setminus[1,5]",
            r"\mathbb{R}\setminus[1,5]\setminus[7,8]",
            r"x<1 \land x>5",
        ],
    ],
    r"(1,5)": [r"\mathbb{R}\setminus((-\infty,1)\cup(5,\infty))", r"\mathbb{R}\setminus[1,5]"],
    HOLES: [
        r"\{0,3\}",
        r"\mathbb{R}",
        r"\mathbb{R}\setminus\{0\}",
        r"\mathbb{R}\setminus\{0,3,4\}",
        r"\mathbb{R}\setminus\{0,x\}",
        "x \\ne 0",
        r"\mathbb{R}\setminus(0,3)",
        "all real numbers except 0",
    ],
}


@pytest.mark.parametrize(("expected", "answer"), cases(RIGHT))
def test_right(expected: str, answer: str) -> None:
    right(expected, answer)
    right(answer, expected)


@pytest.mark.parametrize(("expected", "answer"), cases(WRONG))
def test_wrong(expected: str, answer: str) -> None:
    wrong(expected, answer)
