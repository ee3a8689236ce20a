"""The rule of the audit, and what it counts."""

import ast
import json
import time
from pathlib import Path

import pytest

from evaluators.grading import audit as audit_module
from evaluators.grading import last_number
from evaluators.grading.audit import Disagreements, audit, disagreements

RIGHT = [
    ("18", "9*2 = 18."),
    ("18", "#### 18"),
    ("18", r"so \boxed{18}$ dollars."),
    ("1234", "$1,234.00"),
    ("1,234", "1234"),
    ("-5", "x = -5"),
    ("0.5", "it is .50"),
    (r"\frac{3}{2}", r"so $x = \boxed{ \frac {3}{2} }$, as wanted"),
    (r"\frac{3}{2}", r"#### \frac32 no, #### \frac{3}{2}"),
    ("x+1", r"\boxed{3} and \boxed{x + 1}"),
    ("x+1", "#### x + 1\n"),
    (r"\frac{1}{2}", "#### 0.5, no\n\\boxed{\\frac{1}{2}}"),
    ("18 cents", r"\boxed{18 cents}"),
]
WRONG = [
    ("18", "18 apples for 3 people"),
    ("18", "none"),
    ("18", "18.5"),
    ("18", "-18"),
    ("18", "118"),
    ("18", "9" * 10_000),
    ("-2", "4-2"),
    ("2", "4-2"),
    ("1,2", r"\boxed{12}"),
    ("18", r"\boxed{18} and 3"),
    ("18", r"\boxed{18"),
    ("x+1", "\\boxed{x+1}\n#### x+2"),
    (r"\frac{3}{2}", r"\frac{3}{2}"),
    (r"\frac{3}{2}", r"\boxed{\frac{6}{4}}"),
    ("x+1", r"\boxed{x+1} or \boxed{x+2}"),
    ("x+1", r"\boxed{x+1"),
    ("x+1", "#### x+1 or so"),
    (" ", "####"),
]


@pytest.mark.parametrize(("expected", "text"), RIGHT)
def test_right(expected: str, text: str) -> None:
    assert audit(expected, text)


@pytest.mark.parametrize(("expected", "text"), WRONG)
def test_wrong(expected: str, text: str) -> None:
    assert not audit(expected, text)


PAID_WRONGLY = {
    "letters glued on": ("18xy", "18x", "18abc", "x18", "a_18", "18_x", "a18b", "USDX18"),
    "another number by a word": (
        *("18 million", "18 lakh", "18 thousand", "18 dozen", "18 in binary", "18 half", "18 thirds", "18 base 9"),
        *(r"18\text{ million}", r"18 \text{ hundred}", "18 squared", "18 factorial", "18!", "18 billion dollars"),
    ),
    "percent": ("18%", r"18\%", "18 percent", "18 pct", r"18\text{ percent}"),
    "variables": ("18 x", "18 xy", "18 x y", "18 R"),
    "more than one candidate": ("17 or x=18", "17 or 18", "17, 18", "x=3, y=18", "17 and 18", "3-18", "1/18", "17:18"),
    "equations that do not hold": ("17=18", "9*3=18", "2=x=18", "17 = 18", "x+2=18", r"9\times 3 = 18"),
    "negated and compared": ("not 18", r"\text{not }18", "not = 18", "<18", "≥18", r"\ge 18", r"\ne 18", "18 < x"),
    "computations and commands": ("x+18", "18+x", "18^2", "18*2", r"\sqrt{18}", r"\frac{1}{18}", "18/7", "18 ½", "-18"),
    "no number": ("R-r", r"\frac{dy}{dx}", "eighteen", ""),
}
"""Answers for 18 that the grader once accepted, or might accept, in a box and after ``####``."""


@pytest.mark.parametrize("form", [r"So the answer is $\boxed{%s}$.", "So we have it.\n#### %s", "#### %s\n"])
@pytest.mark.parametrize(("kind", "answer"), [(kind, one) for kind, all_ in PAID_WRONGLY.items() for one in all_])
def test_what_is_paid_wrongly_is_noticed(kind: str, answer: str, form: str) -> None:
    assert not audit("18", form.replace("%s", answer)), kind


@pytest.mark.parametrize(
    ("expected", "answer"),
    [
        ("0", "R-r"),
        ("0", r"\frac{dy}{dx}"),
        ("R-r", "r-R"),
        ("R-r", "r-r"),
        ("seat", "east"),
        ("Seat", "seat"),
        (r"\frac{1}{2}", r"\frac{1}{2}\text{ million}"),
        ("18 cents", "18 dollars"),
        ("18 cents", "18"),
        ("2", "3-1"),
        ("45^\\circ", "45"),
        ("1/2^{98}", "1/2^{99}"),
    ],
)
def test_other_kinds_are_noticed_too(expected: str, answer: str) -> None:
    assert not audit(expected, rf"\boxed{{{answer}}}") and not audit(expected, f"#### {answer}")


ORDINARY = [
    *("18", "$18", r"\$18", "18.", "18 dollars", "18 dollars per day", r"18\text{ cm}", "18cm", r"18^\circ", "18 cm^2"),
    *("x = 18", "f(3) = 18", "9*2 = 18", r"9 \times 2 = 18", "(3+6)*2 = 18", "$9+9=18$", "= 18", "18.00", "+18"),
    *(
        "**18**",
        "{18}",
        "(18)",
        "<18>",
        "18 third graders",
        "18 km/h",
        "€18",
        "USD 18",
        "18 元",
        "18</s>",
        "The cost is 18",
    ),
]


@pytest.mark.parametrize("form", [r"So the answer is $\boxed{%s}$.", "#### %s", "3 and 4 make 7.\n#### %s\n"])
@pytest.mark.parametrize("answer", ORDINARY)
def test_ordinary_answers_are_agreed_with(answer: str, form: str) -> None:
    assert audit("18", form.replace("%s", answer))


@pytest.mark.parametrize(
    "text",
    [
        "She sells 9 eggs for $2 each, so she makes 9 * 2 = $18 every day.",
        "Then 3 * 6 = 18",
        "27+1=28;28-10=18",
        "She makes 9 * 2 = $<<9*2=18>>18 every day at the farmer's market.",
        "7 + 11 ≡ 18 (",
        "It is 18!",
        "He was not able to hit 10+8 = <<10+8=18>>18 balls",
        "He needs 10+8 = 18 more than Betty.",
        "The total is 18 cats and dogs combined",
    ],
)
def test_ordinary_sentences_are_agreed_with(text: str) -> None:
    assert audit("18", text)


def test_published_solutions_are_agreed_with(data_dir: Path) -> None:
    texts = [json.loads(line)["answer"] for line in (data_dir / "gsm8k_test.jsonl").open()]
    split = [text.partition("####") for text in texts]
    assert [text for text, (_, _, gold) in zip(texts, split, strict=True) if not audit(gold, text)] == []
    unmarked = [audit(gold, body) for body, _, gold in split]
    assert sum(unmarked) > 0.94 * len(texts), "the others end on a percentage, or on another number"


def test_disagreements_are_counted_on_their_side() -> None:
    judged = [("18", "#### 18", True)] * 3 + [("18", "#### 18 of 20", True)] * 2 + [("18", "it is 18", False)]
    found = disagreements([*judged, ("18", "19", False), ("18", "20", False)])
    assert found == Disagreements(total=8, paid=2, missed=1)
    assert (found.paid_share, found.missed_share) == (0.25, 0.125)
    empty = disagreements([])
    assert (empty.paid_share, empty.missed_share) == (0.0, 0.0)


def test_it_is_independent_of_what_it_audits() -> None:
    imported = set()
    for file in (audit_module.__file__, last_number.__file__):
        tree = ast.parse(Path(file).read_text(encoding="utf-8"))
        imported |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        imported |= {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    own = {"evaluators.grading.last_number"}
    assert imported == {"collections.abc", "dataclasses", "fractions", "ast", "operator", "re"} | own


@pytest.mark.parametrize(
    "text",
    [
        "1," * 100_000,
        r"\boxed{" * 20_000,
        "{" * 100_000,
        "####" * 50_000,
        "-1" * 100_000,
        "#### " + "(" * 290 + "18",
        "=" * 100_000 + "18",
        "1 or " * 50_000,
        " " * 10**6 + "18" + " " * 10**6,
        "#### " + "a" * 10**6 + "18",
        "#### 18 " + "ab" * 140 + "?#",
        "#### " + "ab " * 90 + "# = 18",
        "#### " + "-" * 290 + " = 18",
        "#### 18" + " ^ { " * 50,
    ],
)
def test_hostile_texts_take_no_time(text: str) -> None:
    started = time.perf_counter()
    audit("18", text)
    audit("x+1", text)
    assert time.perf_counter() - started < 1
