r"""A second opinion on the grader, by a rule of its own: no code is shared with extraction or comparison.

A reward hack shows here first: completions that the grader pays and this rule does not (``paid``) grow in number
while the policy learns a form instead of mathematics. The rule reads less than the grader and is stricter in what it
reads, so neither count need be zero; a count that moves during training is the warning.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from evaluators.grading.last_number import ends_on, last_number, number_of, value_of, without_asides

_MARKERS = ("####", r"\boxed{")


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

    What counts is in the last ``\boxed`` or, if that comes later, behind the last ``####``. An expected number must be
    the last number in the text, too, of the same value exactly, and stand there as an answer: see ``last_number``.
    Anything else must be, character for character but for whitespace, what the marker gives.
    """
    wanted = number_of(expected)
    text = text if wanted is None else without_asides(text)
    start, end = _marked(text)
    if wanted is None:
        answer = _squeeze(expected)
        return answer != "" and start >= 0 and answer == _squeeze(text[start:end])
    if start < 0:
        return ends_on(wanted, text, marked=False)
    lines = text[start:end].split("\n")
    line = next((line for line in lines if any(map(str.isdigit, line))), "")
    last = last_number(text)
    return ends_on(wanted, line, marked=True) and last is not None and value_of(last[0]) == wanted


def disagreements(judged: Iterable[tuple[str, str, bool]]) -> Disagreements:
    """Of ``(expected answer, completion, whether the grader says correct)``."""
    total = paid = missed = 0
    for expected, text, correct in judged:
        agreed = audit(expected, text)
        total += 1
        paid += correct and not agreed
        missed += agreed and not correct
    return Disagreements(total=total, paid=paid, missed=missed)


def _squeeze(text: str) -> str:
    return "".join(text.split())


def _marked(text: str) -> tuple[int, int]:
    """Where what the last marker gives begins and ends; begins at -1 without one, empty if no brace closes it."""
    start = max(place + len(marker) if (place := text.rfind(marker)) >= 0 else -1 for marker in _MARKERS)
    if start < 0 or text[start - 1] == "#":
        return start, len(text)
    depth = 1
    for place in range(start, len(text)):
        depth += (text[place] == "{") - (text[place] == "}")
        if depth <= 0:
            return start, place
    return start, start
