"""The audit's own rule, and what it counts."""

import ast
import time
from pathlib import Path

import pytest

from evaluators.grading import audit as module
from evaluators.grading.audit import Disagreements, audit, disagreements

RIGHT = [
    ("18", "9*2 = 18."),
    ("18", "#### 18"),
    ("18", r"so \boxed{18}$ dollars."),
    ("1234", "$1,234.00"),
    ("1,234", "1234"),
    ("-5", "x = -5"),
    ("0.5", "it is .50"),
    ("2", "4-2"),
    (r"\frac{3}{2}", r"so $x = \boxed{ \frac {3}{2} }$, as wanted"),
    (r"\frac{3}{2}", r"#### \frac32 no, #### \frac{3}{2}"),
    ("x+1", r"\boxed{3} and \boxed{x + 1}"),
    ("x+1", "#### x + 1\n"),
]
WRONG = [
    ("18", "18 apples for 3 people"),
    ("18", "none"),
    ("18", "18.5"),
    ("18", "-18"),
    ("18", "118"),
    ("18", "9" * 10_000),
    ("-2", "4-2"),
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


def test_disagreements_are_counted_on_their_side() -> None:
    judged = [("18", "#### 18", True)] * 3 + [("18", "#### 18 of 20", True)] * 2 + [("18", "it is 18", False)]
    found = disagreements([*judged, ("18", "19", False), ("18", "20", False)])
    assert found == Disagreements(total=8, paid=2, missed=1)
    assert (found.paid_share, found.missed_share) == (0.25, 0.125)
    empty = disagreements([])
    assert (empty.paid_share, empty.missed_share) == (0.0, 0.0)


def test_it_is_independent_of_what_it_audits() -> None:
    tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert imported == {"collections.abc", "dataclasses", "fractions"}


@pytest.mark.parametrize("text", ["1," * 100_000, r"\boxed{" * 20_000, "{" * 100_000, "####" * 50_000, "-1" * 100_000])
def test_hostile_texts_take_no_time(text: str) -> None:
    started = time.perf_counter()
    audit("18", text)
    audit("x+1", text)
    assert time.perf_counter() - started < 1
