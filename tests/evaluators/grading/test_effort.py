"""Which answers no algebra is spent on."""

import json
from pathlib import Path

import pytest

from evaluators.grading.effort import hopeless
from evaluators.grading.extraction import tidy

HEAVY = [
    "9^{9^{9^9}}",
    "2^{3^{20}}",
    "x^{x^{x^{x}}}",
    "(1+x)^{1000}",
    "(x+y+z)^{99}",
    "x^{10^{9}}+1",
    "x^{101}",
    r"\int_0^1 e^{x} dx",
    r"\sum_{k=1}^{10} k",
    r"\prod_{k=1}^{10} (x+k)",
    r"\lim_{x \to 0} x",
    "99999!",
    "((99!)!)!",
    r"\binom{100001}{5}",
    "(" * 21 + "x" + ")" * 21,
    r"\{" + ",".join(map(str, range(30))) + r"\}",
]
LIGHT = [
    "x^{100}",
    "x^5 - x^4 + x^3 - x^2 + x - 1",
    r"e^{x^2}",
    "(x+1)^{20}",
    "20!",
    r"\binom{100}{50}",
    r"\left(\frac{\sqrt{3}}{2}, \frac{1}{2}\right)",
    "1,234,567",
]


@pytest.mark.parametrize("answer", HEAVY)
def test_an_answer_much_heavier_than_expected_is_not_tried(answer: str) -> None:
    assert hopeless("x+1", answer)


@pytest.mark.parametrize("answer", HEAVY)
def test_the_expected_answer_sets_the_measure(answer: str) -> None:
    assert answer == "((99!)!)!" or not hopeless(answer, answer + "+0")


@pytest.mark.parametrize("answer", LIGHT)
def test_others_are_tried(answer: str) -> None:
    assert not hopeless("x+1", answer)


@pytest.mark.parametrize("way", ["{}+0", "({})", r"1\cdot({})"])
def test_published_golds_are_tried_in_other_forms(way: str, data_dir: Path) -> None:
    golds = [tidy(json.loads(line)["answer"]) for line in (data_dir / "math500_test.jsonl").open()]
    assert [gold for gold in golds if hopeless(gold, way.format(gold))] == []
    assert [gold for gold in golds if hopeless("1", gold)] == [], "nor would any be refused beside a small one"
