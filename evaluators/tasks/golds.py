r"""The answer in a user's column: alone, after ``####``, in a ``\boxed{}``, or with a unit in brackets.

Answers that no completion could match are refused, with their line. Decimals are compared exactly, so these are numbers
that were rounded from a fraction, or that have more digits than anybody writes.
"""

import re
from decimal import Decimal, InvalidOperation
from fractions import Fraction

from evaluators.grading.extraction import last_box
from evaluators.tasks.records import Record
from evaluators.types import TaskError

LONGEST = 200
"""The longest answer, in characters. A longer text is a solution."""
MOST_DECIMALS = 9
ROUNDED_FROM = 4
"""The number of decimals from which a number is considered a rounded fraction if it equals one."""
DENOMINATORS = 12
LARGEST_EXPONENT = 30
ANNOTATED = re.compile(r"([-+]?\$?[0-9][0-9.,/]*%?) *\( *[^\W\d_][^()=]*\)")
"""``7 (apples)``, as in ASDiv."""


def gold_of(record: Record, field: str) -> str:
    """The expected answer in ``field``.

    Raises:
        TaskError: there is no answer, or no completion could match it.
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
    where = f"{record.place}: {field!r} is {answer}"
    suspicious = decimals > MOST_DECIMALS or (number and decimals >= ROUNDED_FROM)
    if suspicious and (fraction := _rounded_from(value, decimals)):
        quoted = decimals <= MOST_DECIMALS
        raise TaskError(
            f"{where}, which is {fraction} rounded, so the answer {fraction} would count as wrong; write {fraction}"
            + (f', or "{answer}" in quotes if the question asks for this number of decimals' if quoted else "")
        )
    if decimals > MOST_DECIMALS:
        raise TaskError(
            f"{where}, with {decimals} decimals, which no completion will match; write a fraction or a root, or round "
            f"it as the question asks"
        )
    return answer


def _decimals(value: Decimal) -> int:
    """The number of digits after the point without trailing zeros. ``normalize`` is not used, because it rounds to the
    precision that any library may have set for the whole process."""
    _, digits, exponent = value.as_tuple()
    zeros = next((place for place, digit in enumerate(reversed(digits)) if digit), 0)
    return max(0, -int(exponent) - zeros)


def _rounded_from(value: Decimal, decimals: int) -> Fraction | None:
    """The fraction with a small denominator and infinitely many decimals that is ``value`` if rounded or cut."""
    fraction = Fraction(value).limit_denominator(DENOMINATORS)
    endless = 10**DENOMINATORS % fraction.denominator != 0
    return fraction if endless and abs(fraction - Fraction(value)) < Fraction(1, 10**decimals) else None
