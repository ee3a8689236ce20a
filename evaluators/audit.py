r"""A second, cruder rule beside the grader, which shares no code with it: a reward hack shows there first.

Where a number is expected, the last number of the text must be it; otherwise what the last ``\boxed{}`` holds, or what
stands behind the last ``####``, must be the expected text but for spaces. The rule misses right answers in other forms,
and pays for wrong answers that happen to end in the number; what counts is when its disagreements with the grader grow.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

_NUMERAL = re.compile(r"-?(?:\d[\d,]*(?:\.\d+)?|\.\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """How often grader and rule disagree."""

    audited: int
    paid: int
    """Accepted by the grader, not by the rule."""
    missed: int
    """Accepted by the rule, not by the grader."""

    @property
    def paid_share(self) -> float:
        """Of all completions audited; 0 where there are none."""
        return self.paid / self.audited if self.audited else 0.0

    @property
    def missed_share(self) -> float:
        return self.missed / self.audited if self.audited else 0.0


def accepts(expected: str, text: str) -> bool:
    """Whether the rule finds the expected answer in ``text``."""
    wanted = expected.strip().lstrip("$")
    if _NUMERAL.fullmatch(wanted):
        found = _NUMERAL.findall(text)
        return bool(found) and _value(found[-1]) == _value(wanted)
    return "".join(_stated(text).split()) == "".join(wanted.split())


def audit(graded: Iterable[tuple[str, str, bool]]) -> Audit:
    """Over ``(expected answer, completion, accepted by the grader)``."""
    pairs = [(accepted, accepts(expected, text)) for expected, text, accepted in graded]
    return Audit(audited=len(pairs), paid=pairs.count((True, False)), missed=pairs.count((False, True)))


def _value(numeral: str) -> Fraction:
    return Fraction(numeral.replace(",", ""))


def _stated(text: str) -> str:
    """What the text marks as its answer; empty if it marks none."""
    start = text.rfind("\\boxed{")
    if start < text.rfind("####"):
        return text.rpartition("####")[2].split("\n")[0]
    depth, inside = 0, start + len("\\boxed{")
    for place in range(inside, len(text)) if start >= 0 else ():
        depth += {"{": 1, "}": -1}.get(text[place], 0)
        if depth < 0:
            return text[inside:place]
    return ""
