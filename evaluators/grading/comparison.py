r"""What can be decided exactly of two answers, without algebra: all, if the expected one is a number.

A number must be written out. ``1,234.00``, ``-$5``, ``18 dollars per day``, ``18^\circ``, ``x = 18``,
``9*2 = 18``, and ``\frac{1}{2}`` or ``1/2`` for 0.5 are numbers; ``9*2``, ``36/2``, ``2^{10}``, ``1,2`` and
``18 thousand`` are not, and are wrong where a number is expected: otherwise repeating the question,
``17+25``, would earn what working it out earns. Numbers are equal exactly or not at all.

Two conventions of notation hold whatever is expected: ``18\%`` answers only an expected percentage (it is
0.18), and ``11_2`` only an expected number of that base. Where such a sign is expected, it may be left out.
"""

import re
from fractions import Fraction

LONGEST_ANSWER = 300
"""Characters; nothing longer is compared."""

_PERCENT = re.compile(r"\s*(?:\\?%|\b(?:percent|percentage|pct)\b)", re.IGNORECASE)
_BASE = re.compile(r"(?<=[0-9])\s*_\s*\{?\s*([0-9]+)\s*\}?")
_STYLE = re.compile(r"\\(?:text|textbf|textit|textrm|mathrm|mathbf|mathit|mbox|operatorname)\s*\{([^{}]*)\}")
_EQUALS = re.compile(r"(?<![<>!~:≠])(?<!\\not)=(?!=)")
_UNIT = r"(?:[A-Za-z]{2,}|[ghmsL])(?:\^\{?[23]\}?)?"
_NUMBER = re.compile(
    r"(?P<sign>[-+]?)\s?[€£¥]?\s?"
    r"(?P<digits>[1-9][0-9]{0,2}(?:,[0-9]{3})+(?:\.[0-9]+)?|[0-9]+(?:\.[0-9]+)?|\.[0-9]+)"
    rf"\s?[€£¥]?(?P<unit>(?:\s?{_UNIT}(?:(?:\s|\s?/\s?){_UNIT}){{0,3}})?)"
)
_FRACTION = re.compile(
    r"(?P<sign>[-+]?)\s?(?:\\[dt]?frac\s?\{\s?(?P<a>[0-9]+)\s?\}\s?\{\s?(?P<b>[0-9]+)\s?\}"
    r"|\\[dt]?frac\s?(?P<c>[0-9])\s?(?P<d>[0-9])|(?P<e>[0-9]+)\s?/\s?(?P<f>[0-9]+))"
)
_NOT_UNIT = re.compile(
    r"(?:hundred|thousand|(?:m|b|tr)illion|dozen)s?|mil|[mbt]n|grand|half|halves|(?:third|fifth|tenth)s?"
    r"|st|nd|rd|th|squared|cubed|factorial|times|plus|minus|over|divided|by|mod|point|and|n?or|not|to|than|pi|sqrt"
)


def decide(expected: str, answer: str) -> bool | None:
    """Whether ``answer`` is right, both tidied; ``None`` where it takes algebra to say."""
    if answer == expected:
        return True
    if _PERCENT.search(answer) and not _PERCENT.search(expected):
        return False
    if not set(_BASE.findall(answer)) <= set(_BASE.findall(expected)):
        return False
    expected_value = read_number(_BASE.sub("", _PERCENT.sub("", expected)))
    if expected_value is None:
        return None
    answer = _EQUALS.split(_BASE.sub("", _PERCENT.sub("", answer)))[-1].strip()
    value = read_number(answer)
    return (_read_fraction(answer) if value is None else value) == expected_value


def canonical(answer: str) -> str:
    """STUB: one form for answers that are equal; see the branch that rewrites the comparison."""
    value = read_number(answer)
    value = _read_fraction(answer) if value is None else value
    return "".join(answer.split()) if value is None else str(value)


def read_number(text: str) -> Fraction | None:
    """The value of an integer or decimal as people write it, with or without a unit."""
    number = _NUMBER.fullmatch(_plain(text)) if len(text) <= LONGEST_ANSWER else None
    if number is None or any(map(_NOT_UNIT.fullmatch, re.findall(r"[a-z]+", number["unit"].lower()))):
        return None
    return Fraction(number["sign"] + number["digits"].replace(",", ""))


def _read_fraction(text: str) -> Fraction | None:
    """The value of a fraction in lowest terms; others are divisions that still have to be done."""
    fraction = _FRACTION.fullmatch(_plain(text))
    if fraction is None:
        return None
    above, below = (int(part) for part in fraction.group("a", "b", "c", "d", "e", "f") if part is not None)
    value = Fraction(above, below) if below else None
    if value is None or value.denominator != below or below == 1:
        return None
    return -value if fraction["sign"] == "-" else value


def _plain(text: str) -> str:
    """Without LaTeX that changes nothing of a number: spacing, degrees, styles, braces around it all."""
    text = re.sub(r"\{,\}|(?<=[0-9])\\,(?=[0-9]{3}(?![0-9]))", ",", text)
    text = re.sub(r"\\!\s*", "", text)
    text = re.sub(r"\s*\^?\s*\{?\s*(?:\\circ|\\degree|°)\s*\}?", " ", text)
    text = re.sub(r"\\[,;: ]|~|\\q?quad", " ", text)
    text = " ".join(_STYLE.sub(r" \1", text).split())
    return text[1:-1].strip() if text.startswith("{") and text.endswith("}") else text
