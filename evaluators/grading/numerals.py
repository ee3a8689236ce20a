r"""Numbers as people write them, read exactly: ``1,234.00``, ``2.5 \times 10^7``, ``0.\overline{3}``, ``2\frac12``.

A computation that is not carried out, such as ``9*2`` or ``2^{10}``, is not a numeral.
"""

import re
from dataclasses import dataclass
from enum import Enum, auto
from fractions import Fraction
from math import isqrt

from evaluators.grading.number_words import begins_with_words, parts

_MOST_DIGITS = 300
_DIGITS = r"(?:[1-9][0-9]{0,2}(?:(?:,[0-9]{3})+|(?:[ '][0-9]{3})+)(?![0-9])(?:\.[0-9]+)?|[0-9]+(?:\.[0-9]+)?|\.[0-9]+)"
_INTEGER = r"[0-9]+"
_NUMERAL = re.compile(
    r"(?P<sign>[-+]?)\s?"
    r"(?P<money>[A-Z]{0,2}\$|(?:USD|EUR|GBP|INR|JPY|CNY|CAD|AUD|CHF|SEK|NOK|DKK|PLN|BRL|MXN|KRW|RUB|SGD|HKD|NZD|ZAR)(?![A-Za-z]):?"
    r"|R[sMp]\.?|[€£¥₹₩₽฿₺₫₴₦₪₱₨])?\s?(?P<inner>-?)\s?"
    r"(?:"
    rf"\\sqrt\s?(?:\[(?P<degree>[2-9])\]\s?)?(?:\{{\s?(?P<root>{_INTEGER})\s?\}}|(?P<root1>[0-9])(?![0-9])|\(\s?(?P<root2>{_INTEGER})\s?\))"
    r"|(?:\\frac\s?\{?\s?1\s?\}?\s?\{\s?|1\s?/\s?)10\s?\^\s?\{?(?P<tenth>[0-9]{1,3})\}?(?:\s?\})?"
    r"|10\s?(?:\^|\*\*)\s?(?:\{\s?(?P<ten>-?[0-9]{1,3})\s?\}|\(?(?P<ten1>-?[0-9]{1,3})\)?)"
    rf"|(?:(?P<whole>{_INTEGER})\s?(?:\+\s?)?)?\\frac\s?(?:\{{\s?(?P<a>-?\s?{_DIGITS})\s?\}}|(?P<a1>[0-9]))\s?(?:\{{\s?(?P<b>-?\s?{_DIGITS})\s?\}}|(?P<b1>[0-9]))"
    rf"|(?:(?P<whole2>{_INTEGER})(?:\s|\s?-\s?(?=[0-9]/)|\s?\+\s?))?(?P<a2>{_INTEGER})\s?/\s?(?P<b2>{_INTEGER})(?![0-9.])"
    r"|(?P<start>[0-9]*)\.(?P<fixed>[0-9]*)(?:\\(?:overline|bar|dot)\s?(?:\{\s?(?P<cycle>[0-9]+)\s?\}|(?P<cycle1>[0-9]))|\((?P<cycle2>[0-9]+)\))"
    r"|(?P<begun>[0-9]*\.[0-9]+)(?:\.\.\.|\s?\\ldots)"
    rf"|(?P<mantissa>{_DIGITS})\s?(?:[eE]\s?(?P<e>[-+]?[0-9]{{1,3}})(?![0-9])|(?:\*|x(?=\s?10\^))\s?10\s?\^\s?(?:\{{\s?(?P<e1>[-+]?\s?[0-9]{{1,3}})\s?\}}|\(?(?P<e2>-?[0-9]{{1,3}})\)?))"
    rf"|(?P<digits>{_DIGITS})"
    r")"
)
_MULTIPLIER = re.compile(
    r"\s?(?:\\text\s?\{\s?)?(?:"
    r"(?P<hundred>hundred)|(?P<thousand>thousand|grand(?!\s+[a-z]{4})|(?<!\{)(?<!\{ )[kK](?![A-Za-zΩ\\]|\.[A-Za-z]))"
    r"|(?P<lakh>lakhs?|lacs?)|(?P<crore>crores?)"
    r"|(?P<million>million|mio|mil|mill|mln|mn|MM|(?<=[0-9])M)|(?P<billion>billion|bil|bn|mrd|(?<=[0-9])B)"
    r"|(?P<trillion>trillion|tn|trn|(?<=[0-9])T))(?![A-Za-z]|-[a-z])\s?\}?",
)
_POWERS = {"hundred": 2, "thousand": 3, "lakh": 5, "crore": 7, "million": 6, "billion": 9, "trillion": 12}


class Form(Enum):
    """The form of a number."""

    WRITTEN = auto()
    """Digits with or without separators of thousands; words; also with *thousand*, *million* and the like."""
    SCIENTIFIC = auto()
    ROOT = auto()
    """A square root that is an integer."""
    REPEATING = auto()
    REDUCED = auto()
    """A fraction in lowest terms, or a mixed number."""
    FRACTION = auto()
    """A division that is not carried out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Numeral:
    """A number and its form."""

    value: Fraction
    form: Form
    places: int
    """The number of digits after the point."""
    money: str
    """The currency symbol or code before it."""

    @property
    def is_precise(self) -> bool:
        """Whether it has six places and six significant digits, so it can represent an infinite decimal."""
        return self.places >= 6 and abs(self.value) * 10**self.places >= 100_000


def read_numeral(text: str) -> tuple[Numeral, str] | None:
    """The numeral at the start of a plain text, and the rest of the text."""
    text = re.sub(r"^(?:negative|minus) ", "-", text, flags=re.IGNORECASE)
    if (words := begins_with_words(text.lstrip("-"))) is not None:
        rest = text.lstrip("-")[words[1] :]
        if (part := parts(rest)) is not None:
            value = Fraction(-words[0] if text.startswith("-") else words[0], part[0])
            return Numeral(value=value, form=Form.REDUCED, places=0, money=""), rest[part[1] :]
        value = Fraction(-words[0] if text.startswith("-") else words[0])
        return Numeral(value=value, form=Form.WRITTEN, places=0, money=""), rest
    found = _NUMERAL.match(text)
    if found is None or found.end() > _MOST_DIGITS:
        return None
    read = _value(found)
    if read is None:
        return None
    value, form = read
    rest = text[found.end() :]
    if multiplied := _MULTIPLIER.match(text, found.end()):
        value *= 10 ** _POWERS[str(multiplied.lastgroup)]
        rest = text[multiplied.end() :]
    if (found["sign"] == "-") != (found["inner"] == "-"):
        value = -value
    places = len((found["digits"] or "").partition(".")[2])
    return Numeral(value=value, form=form, places=places, money=found["money"] or ""), rest


def _value(found: re.Match[str]) -> tuple[Fraction, Form] | None:
    group = found.groupdict()

    def first(*names: str) -> str | None:
        return next((group[name] for name in names if group[name] is not None), None)

    if (root := first("root", "root1", "root2")) is not None:
        degree = int(group["degree"] or 2)
        exact = isqrt(int(root)) if degree == 2 else round(int(root[:15]) ** (1 / degree))
        return (Fraction(exact), Form.ROOT) if exact**degree == int(root) else None
    if (above := first("a", "a1", "a2")) is not None:
        return _fraction(first("whole", "whole2"), above, first("b", "b1", "b2") or "0")
    if (cycle := first("cycle", "cycle1", "cycle2")) is not None:
        return _repeating(group["start"], group["fixed"], cycle), Form.REPEATING
    if group["begun"] is not None:
        return _continued(group["begun"])
    if (ten := first("ten", "ten1")) is not None:
        return Fraction(10) ** int(ten), Form.SCIENTIFIC
    if group["tenth"] is not None:
        return Fraction(1, 10 ** int(group["tenth"])), Form.SCIENTIFIC
    if group["mantissa"] is not None:
        power = int((first("e", "e1", "e2") or "0").replace(" ", ""))
        return _decimal(group["mantissa"]) * Fraction(10) ** power, Form.SCIENTIFIC
    return _decimal(group["digits"]), Form.WRITTEN


def _decimal(digits: str) -> Fraction:
    return Fraction(re.sub("[, ']", "", digits))


def _fraction(whole: str | None, above: str, below: str) -> tuple[Fraction, Form] | None:
    a, b = _decimal(above), _decimal(below)
    if b == 0:
        return None
    value = a / b
    if whole is not None:
        return (int(whole) + value, Form.REDUCED) if 0 < value < 1 else None
    reduced = a.denominator == b.denominator == 1 and value.denominator == abs(b) != 1
    return value, Form.REDUCED if reduced else Form.FRACTION


def _repeating(start: str, fixed: str, cycle: str) -> Fraction:
    nines = Fraction(int(cycle), (10 ** len(cycle) - 1) * 10 ** len(fixed))
    return Fraction(f"{start or 0}.{fixed or 0}") + nines


def _continued(begun: str) -> tuple[Fraction, Form] | None:
    """``0.333...`` and ``0.1212...``: one digit repeated three times, or a longer cycle repeated twice."""
    start, _, digits = begun.partition(".")
    for length in range(1, len(digits) // 2 + 1):
        times = 3 if length == 1 else 2
        cycle = digits[-length:]
        if digits.endswith(cycle * times):
            while digits.endswith(cycle):
                digits = digits[:-length]
            return _repeating(start, digits, cycle), Form.REPEATING
    return None
