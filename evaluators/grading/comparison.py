"""Comparison of an answer with the expected one, by the policy for the kind of the expected answer."""

import re

from evaluators.grading import wording
from evaluators.grading.formulas import parsed
from evaluators.grading.gold import LONGEST_ANSWER, read_gold
from evaluators.grading.notation import plain, squeeze
from evaluators.grading.numerals import read_numeral
from evaluators.grading.policies import POLICIES
from evaluators.grading.scalars import stated
from evaluators.grading.structures import is_name
from evaluators.grading.values import near

_ROUNDED = re.compile(r"(.*\S)\s*\\approx\s*(-?[0-9][0-9,.]*)(?:\s*[A-Za-z]+)?")

__all__ = ["LONGEST_ANSWER", "canonical", "decide"]


def decide(expected: str, answer: str) -> bool:
    """Whether ``answer`` is correct. This takes milliseconds for any answer.

    Raises:
        GoldError: the expected answer cannot be understood.
    """
    gold = read_gold(expected)
    if len(answer) > LONGEST_ANSWER:
        return False
    given = _exact(plain(answer))
    if not given:
        return False
    return squeeze(given) == squeeze(gold.text) or POLICIES[gold.kind].equal(gold.text, given)


def _exact(given: str) -> str:
    """The answer without an approximate decimal after an exact value. A name alone is not an answer."""
    found = _ROUNDED.fullmatch(given)
    if found is None or is_name(found[1]):
        return given
    tree, decimal = parsed(found[1].rpartition("=")[2]), read_numeral(found[2])
    if tree is None or decimal is None or not near(tree, decimal[0].value, decimal[0].places):
        return given
    return found[1]


def canonical(answer: str) -> str:
    """The same text for equal answers: the value of a number, a letter, or otherwise the answer without spaces.

    It is fast, so all answers to a problem can be grouped. Units are removed, because most answers omit them.
    """
    given = plain(answer[: LONGEST_ANSWER + 1])
    if len(answer) > LONGEST_ANSWER:
        return squeeze(given)
    quantity = stated(given)
    if quantity is not None:
        return f"{quantity.value}{'%' if quantity.percent else ''}"
    return wording.choice(given) or squeeze(given)
