# ruff: noqa: E501  tables of cases, a row a line
r"""Every kind of answer has a policy, the page shows the table, and expected answers that make no sense are refused."""

import time
from pathlib import Path

import pytest

from evaluators.grading.comparison import canonical, decide
from evaluators.grading.gold import GoldError, Kind, read_gold
from evaluators.grading.policies import POLICIES
from evaluators.tasks.records import Record, make_problem
from evaluators.types import Rubric, Split, TaskError

PAGE = Path(__file__).parents[3] / "docs" / "grading.md"
KINDS = {
    Kind.INTEGER: [
        "18",
        "-5",
        "1,234",
        "025",
        "7.0",
        '["7"]',
        r"\boxed{7}",
        "so 3+4 = 7 #### 7",
        r"\text{13}",
        "2.5e7",
    ],
    Kind.DECIMAL: ["0.5", ".35625", "1.5", "1e-7", r"10^{-8}"],
    Kind.FRACTION: [r"\frac{1}{2}", r"\frac 34", "18/19", r"1\frac{4}{5}", r"0.\overline{3}", "-1/2"],
    Kind.PERCENT: [r"12.5\%", "5%", "5 percent"],
    Kind.QUANTITY: [
        "7 (apples)",
        r"\$18.90",
        r"5\text{ cm}",
        "5 feet 3 inches",
        r"30^\circ",
        r"15\mbox{ cm}^2",
        r"\frac{270}7\text{ degrees}",
    ],
    Kind.BASED: ["52_8", "4210_{5}"],
    Kind.TIME: ["12:00", "3:30 PM", "5 pm"],
    Kind.DATE: ["2024-05-01", r"\text{June 20}", "May 1, 2024"],
    Kind.RATIO: ["1:2:3", "2:3", "2 to 3"],
    Kind.SCORE: ["2-1", "21-14-3", "12/25/2024"],
    Kind.CHOICE: ["B", r"\text{(B)}", "(E)"],
    Kind.CHOICES: ["A,C", "AC", "A, B, C"],
    Kind.NOTHING: [r"\emptyset", "no solution", r"\{\}"],
    Kind.TEXT: [r"\text{east}", "Fred", "ellipse", "no", "Ed", "red and blue", "a sentence of several words."],
    Kind.MATRIX: [r"\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}"],
    Kind.INTERVAL: [
        "[2,5)",
        "x<3",
        r"(-\infty,0)\cup(0,\infty)",
        r"\mathbb{R}",
        "All real numbers",
        "[-2,7]",
        r"x\in[-2,7]",
    ],
    Kind.TUPLE: ["(3,5)", "(x,y)=(1,2)", "D = (0, 1)", r"\left( 3, \frac{\pi}{2} \right)"],
    Kind.LIST: ["1,2", r"\{1,2,3\}", r"\pm 2", "(1,2),(3,4)", r"19, 46, \text{ and } 82"],
    Kind.EQUATION: ["x=5", "y = 2x+3", "2x+4y-3=0", "y''+y=0"],
    Kind.EXPRESSION: [
        "GMm",
        "mgh",
        "abc",
        "2x",
        r"18\pi",
        "1+2i",
        r"\frac{x+1}{2}",
        r"18\pi\text{ cm}^2",
        "2k",
        r"\sqrt{4}",
        "xy",
        "2^{10}",
        "5!",
    ],
    Kind.FORMULA: [r"F_n = \sum_{k=0}^{n-1} F_k", r"\int_0^1 f"],
}
REFUSED = [
    *["", "  ", "nan", "null", "N/A", "<answer>", "???", "$", "()", "#### ", r"\boxed{}", "x" * 301, "...", "-", "%"],
    *[
        r"\frac{1}{",
        r"\frac12}",
        "x =",
        "x>",
        "7+",
        "1/0",
        r"\frac{x}{0}",
        "(a, b",
        "[1,2",
        r"\left(1,2\right",
        "x^{2",
        r"\frac",
    ],
]
SAME = [
    ["18", "18.0", "$18", "18 dollars", "x = 18", "9*2 = 18", "018", "１８", r"\text{18}", "36/2 = 18", "eighteen", "1.8e1"],
    ["1/2", r"\frac12", "0.5", r"\frac{1}{2}", "2/4", ".5"],
    ["B", "(B)", "b", "B.", r"\text{(B)}", "Option B"],
    ["x + 1", "x+1", "$x+1$", r"x\,+\,1"],
    ["50%", r"50\%", "50 percent"],
    ["-5", "−5", "-5.0"],
    ["1 8"], ["1,2"], ["x+2"], ["2^{10}"], ["9*2"], ["none"], ["X+1"],
]  # fmt: skip


def test_every_kind_has_its_policy_and_examples() -> None:
    assert set(POLICIES) == set(KINDS) == set(Kind)


@pytest.mark.parametrize(("kind", "expected"), [(kind, gold) for kind, golds in KINDS.items() for gold in golds])
def test_kinds(kind: Kind, expected: str) -> None:
    assert read_gold(expected).kind is kind
    assert decide(expected, read_gold(expected).text)


@pytest.mark.parametrize("expected", REFUSED)
def test_golds_that_cannot_be_understood(expected: str) -> None:
    with pytest.raises(GoldError, match="expected answer"):
        read_gold(expected)


def test_such_data_is_refused_by_its_line() -> None:
    def make(rubric: Rubric | None) -> str:
        record = Record(place="mine.jsonl:3", fields={})
        return make_problem(record, prompt="?", content="?", answer="nan", split=Split.TRAIN, rubric=rubric).answer

    with pytest.raises(TaskError, match=r"mine\.jsonl:3: the expected answer 'nan'"):
        make(None)
    assert make(Rubric(scorer="reasoning_gym:countdown", entry="{}")) == "nan"


def test_the_page_shows_the_policies() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for kind, policy in POLICIES.items():
        assert f"| {kind} | {policy.accepts.replace('|', '&#124;')} | {policy.refuses.replace('|', '&#124;')} |" in page


@pytest.mark.parametrize("group", range(len(SAME)))
def test_answers_that_say_the_same_have_one_text(group: int) -> None:
    assert len({canonical(answer) for answer in SAME[group]}) == 1, [canonical(answer) for answer in SAME[group]]
    others = {canonical(answer) for n, answers in enumerate(SAME) for answer in answers if n != group}
    assert canonical(SAME[group][0]) not in others


def test_typing_is_fast() -> None:
    read_gold.cache_clear()
    started = time.perf_counter()
    for n in range(10_000):
        read_gold(str(n))
    assert time.perf_counter() - started < 0.5
