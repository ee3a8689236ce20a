"""Whether an answer is the expected one: the kind of the expected answer chooses the policy, and nothing is guessed."""

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
    """Whether ``answer`` is right. Takes milliseconds, whatever the answer is.

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
    """Without the decimal that is only near an exact answer before it; but a name alone is no answer."""
    found = _ROUNDED.fullmatch(given)
    if found is None or is_name(found[1]):
        return given
    tree, decimal = parsed(found[1].rpartition("=")[2]), read_numeral(found[2])
    if tree is None or decimal is None or not near(tree, decimal[0].value, decimal[0].places):
        return given
    return found[1]


def canonical(answer: str) -> str:
    """One text for answers that say the same: the value of a number, a letter, or else the answer without spaces.

    Cheap, so that all answers to a problem can be grouped. Units are dropped, since most answers leave them out.
    """
    given = plain(answer[: LONGEST_ANSWER + 1])
    if len(answer) > LONGEST_ANSWER:
        return squeeze(given)
    quantity = stated(given)
    if quantity is not None:
        return f"{quantity.value}{'%' if quantity.percent else ''}"
    return wording.choice(given) or squeeze(given)
