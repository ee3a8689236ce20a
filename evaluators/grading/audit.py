r"""The audit rule, which checks the grader without sharing code with extraction or comparison.

It shows reward hacking first: if the policy learns a form instead of mathematics, the number of completions increases
that the grader accepts and this rule does not (``paid``). The rule understands fewer forms than the grader and is
stricter, so neither count has to be zero. A count that changes during training is a warning.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from evaluators.grading.last_number import ends_on, last_number, number_of, value_of, without_asides

_MARKERS = ("####", r"\boxed{")


@dataclass(frozen=True, slots=True, kw_only=True)
class Disagreements:
    """How often grader and audit rule differ."""

    total: int
    """The number of completions that both judged."""
    paid: int
    """Completions that only the grader accepts."""
    missed: int
    """Completions that only the rule accepts."""

    @property
    def paid_share(self) -> float:
        """Of all completions; 0 if there are none."""
        return self.paid / self.total if self.total else 0.0

    @property
    def missed_share(self) -> float:
        """Of all completions; 0 if there are none."""
        return self.missed / self.total if self.total else 0.0


def audit(expected: str, text: str) -> bool:
    r"""Whether ``text`` ends with the expected answer.

    The answer is in the last ``\boxed`` or after the last ``####``, whichever comes later. If a number is expected, it
    must also be the last number of the text, have exactly this value, and be used as an answer: see ``last_number``.
    Any other answer must equal the content of the marker, except for whitespace.
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
    """The disagreements for ``(expected answer, completion, whether the grader accepts it)``."""
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
    """Start and end of the content of the last marker: -1 without a marker, empty if the brace is not closed."""
    start = max(place + len(marker) if (place := text.rfind(marker)) >= 0 else -1 for marker in _MARKERS)
    if start < 0 or text[start - 1] == "#":
        return start, len(text)
    depth = 1
    for place in range(start, len(text)):
        depth += (text[place] == "{") - (text[place] == "}")
        if depth <= 0:
            return start, place
    return start, start
