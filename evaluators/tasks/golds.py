r"""The answer in a user's column: alone, after ``####``, in a ``\boxed{}``, or with a unit in brackets.

Numbers that were cut off, such as 0.6666 for 2/3, are refused with their line. The grader accepts 2/3 for 0.6667, but
for 0.6666 it accepts neither 2/3 nor 0.6667.
"""

import re
from decimal import Decimal, InvalidOperation
from fractions import Fraction

from evaluators.grading.extraction import last_box
from evaluators.tasks.records import Record
from evaluators.types import TaskError

LONGEST = 200
"""The longest answer, in characters. A longer text is a solution."""
CUT_NUMBER, CUT_TEXT = range(4, 15), range(10, 15)
"""The numbers of decimals with which a number, or a text, is considered a fraction that was cut off if it equals one. A
text with fewer decimals is what the question asks for. With more, the grader allows for the rounding of floats."""
DENOMINATORS = 12
LARGEST_EXPONENT = 30
ANNOTATED = re.compile(r"([-+]?\$?[0-9][0-9.,/]*%?) *\( *[^\W\d_][^()=]*\)")
"""``7 (apples)``, as in ASDiv."""


def gold_of(record: Record, field: str) -> str:
    """The expected answer in ``field``.

    Raises:
        TaskError: there is no answer, or it was cut off.
    """
    text, number = record.text(field).strip(), not isinstance(record.value(field), str)
    if "####" in text:
        answer = text.rpartition("####")[2].strip()
        if not answer:
            raise TaskError(f"{record.place}: {field!r} has nothing after its last ####; fix the line")
    elif "\\boxed" in text or "\\fbox" in text:
        boxed = last_box(text)
        if boxed is None or not boxed.strip():
            raise TaskError(f"{record.place}: {field!r} has no answer in its \\boxed{{}}; fix the line")
        answer = boxed.strip()
    elif annotated := ANNOTATED.fullmatch(text):
        answer = annotated[1]
    else:
        answer = text
    if len(answer) > LONGEST:
        raise TaskError(
            f"{record.place}: {field!r} has {len(answer)} characters, but neither #### nor \\boxed{{}} marks the "
            f"answer; name the column of the answer"
        )
    value = _decimal(answer)
    return answer if value is None else _reachable(record, field, answer, value, number=number)


def _decimal(answer: str) -> Decimal | None:
    """The value of a plain number, otherwise None."""
    try:
        value = Decimal(answer)
    except InvalidOperation:
        return None
    return value if value.is_finite() else None


def _reachable(record: Record, field: str, answer: str, value: Decimal, *, number: bool) -> str:
    """``answer`` as it is compared. The number 7.0 becomes 7; the text ``7.0`` is not changed."""
    decimals = _decimals(value)
    if decimals <= 0:
        return str(int(value)) if number and value.adjusted() <= LARGEST_EXPONENT else answer
    if decimals in (CUT_NUMBER if number else CUT_TEXT) and (fraction := _cut_from(value, decimals)):
        quoted = decimals not in CUT_TEXT
        raise TaskError(
            f"{record.place}: {field!r} is {answer}, which is {fraction} cut off, so the answer {fraction} would count "
            f"as wrong; write {fraction}"
            + (f', or "{answer}" in quotes if the question asks for this number of decimals' if quoted else "")
        )
    return answer


def _decimals(value: Decimal) -> int:
    """The number of digits after the point without trailing zeros. ``normalize`` is not used, because it rounds to the
    precision that any library may have set for the whole process."""
    _, digits, exponent = value.as_tuple()
    zeros = next((place for place, digit in enumerate(reversed(digits)) if digit), 0)
    return max(0, -int(exponent) - zeros)


def _cut_from(value: Decimal, decimals: int) -> Fraction | None:
    """The fraction with a small denominator and infinitely many decimals that is ``value`` if cut, not if rounded."""
    fraction = Fraction(value).limit_denominator(DENOMINATORS)
    endless = 10**DENOMINATORS % fraction.denominator != 0
    apart = abs(fraction - Fraction(value)) * 10**decimals
    return fraction if endless and Fraction(1, 2) < apart < 1 else None
