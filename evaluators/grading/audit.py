r"""A second opinion on the grader, by a rule of its own: no code is shared with extraction or comparison.

A reward hack shows here first: completions that the grader pays and this rule does not (``paid``) grow in number
while the policy learns a form instead of mathematics. The rule is cruder than the grader, so neither count need be
zero; a count that moves during training is the warning.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

_PLAIN = re.compile(r"[-+]?[0-9][0-9,]*(?:\.[0-9]+)?")
_NUMBER = re.compile(r"(?:(?<![\w.)}\]])-)?(?:[0-9][0-9,]*(?:\.[0-9]+)?|\.[0-9]+)")
_LONGEST = 300
"""Digits; a longer number is not converted, and is nobody's answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Disagreements:
    """How often grader and rule differ."""

    total: int
    """Completions that both judged."""
    paid: int
    """The grader says correct, the rule does not."""
    missed: int
    """The rule says correct, the grader does not."""

    @property
    def paid_share(self) -> float:
        """Of all completions; 0 if there are none."""
        return self.paid / self.total if self.total else 0.0

    @property
    def missed_share(self) -> float:
        """Of all completions; 0 if there are none."""
        return self.missed / self.total if self.total else 0.0


def audit(expected: str, text: str) -> bool:
    r"""Whether ``text`` ends on the expected answer.

    An expected number must be the last number in the text, of the same value exactly. Anything else must be, character
    for character but for whitespace, what the last ``\boxed`` holds or what follows the last ``####``.
    """
    wanted = expected.strip()
    if _PLAIN.fullmatch(wanted):
        numbers = _NUMBER.findall(text)
        return bool(numbers) and len(numbers[-1]) <= _LONGEST and _value(numbers[-1]) == _value(wanted)
    answer = _squeeze(wanted)
    _, marker, behind = text.rpartition("####")
    return answer != "" and answer in (_squeeze(_last_box(text)), _squeeze(behind if marker else ""))


def disagreements(judged: Iterable[tuple[str, str, bool]]) -> Disagreements:
    """Of ``(expected answer, completion, whether the grader says correct)``."""
    total = paid = missed = 0
    for expected, text, correct in judged:
        agreed = audit(expected, text)
        total += 1
        paid += correct and not agreed
        missed += agreed and not correct
    return Disagreements(total=total, paid=paid, missed=missed)


def _value(number: str) -> Fraction:
    return Fraction(number.replace(",", ""))


def _squeeze(text: str) -> str:
    return "".join(text.split())


def _last_box(text: str) -> str:
    """Nothing, if no brace closes it."""
    _, found, after = text.rpartition(r"\boxed{")
    depth = 1 if found else 0
    for place, character in enumerate(after):
        depth += (character == "{") - (character == "}")
        if depth <= 0:
            return after[:place]
    return ""
