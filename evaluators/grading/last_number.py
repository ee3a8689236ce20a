r"""The last number of a text, and whether it is used as an answer. Only the audit uses this.

It is an answer if nothing is attached to it except a currency or a unit. It may only be followed by words that do not
change it (*18 million*, *18 percent* and *18 in binary* are other numbers). It may be preceded by words, a name
(``x =``) or a correct computation (``9*2 =``), but not by another candidate (``17 or 18``), an operator or a command
(``\sqrt``).
"""

import ast
import operator
import re
from fractions import Fraction

LONGEST = 300
"""The maximum length of a number and of the context on either side, in characters."""

_PLAIN = re.compile(r"[-+]?(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]+)?")
_NUMBER = re.compile(r"(?:(?<![\w.)}\]])-)?(?:[0-9][0-9,]*(?:\.[0-9]+)?|\.[0-9]+)")
_CLAUSE_ENDS = re.compile(r"[\n;:?|]|[.!](?=\s)|,(?=\s)|\b(?:so|because|is|are|equals|gives?)\b")
_SENTENCE_ENDS = re.compile(r"[\n;:?。]|[.!](?=\s|\Z)|,(?=\s)")
_STYLE = re.compile(
    r"\\(?:text|textbf|mathrm|mathbf|mbox)\s*(?=\{)|\\[,;!:()\[\] ]|\\q?quad(?![a-z])|</?\w+>|<\|\w+\|>"
    r"|[{}$*`\"'()\[\]~\\]|[^\w\s\x00-\x7f]"
)
_DEGREES = re.compile(r"\s*+(?:\\,)?+\s*+\^?+\s*+\{?+\s*+(?:\\circ|\\degree|°)\s*+\}?")
_POWER_OF_UNIT = re.compile(r"(?:(?<=[a-z]{2})|(?<=\sm))(?:\^[23]|\^\{[23]\}|[²³])(?![0-9])")
_NOTE = re.compile(r"<<[^<>\n]*>>")
_LETTERS = r"[^\W\d_]++"
_WORD = re.compile(rf"{_LETTERS}(?:['-]{_LETTERS})*")
_WORDS = re.compile(rf"(?:[-/,]?+\s*+{_LETTERS}(?:['-]{_LETTERS})*+\.?+\s*+)*+")
_CURRENCY = re.compile(r"(?:[A-Z]{0,2}\\?[$€£¥₹]|(?<![A-Za-z])(?:US|USD|EUR|GBP))\}?\s?\Z")
_COMMAND = re.compile(r"\\(?!text|mathrm|mathbf|mbox|times|cdot|div|\W)[A-Za-z]+")

_SHORT = frozenset(
    re.findall(r"\S+", "m g s h L l N V W J K C F A cm mm km kg mg ft lb oz mi mL ml Pa Hz Kg GB MB KB TB sq BC")
)
"""Units that are as short as a product of variables."""
_GLUED = _SHORT | {"in", "mph", "lbs", "min", "dollars", "cents", "hours", "minutes"}
_LITTLE = frozenset(re.findall(r"\S+", "a of in on at an if is as we he it my so to by"))
"""Words of one or two letters that may follow a number."""
_OTHER_NUMBER = re.compile(
    r"(?:hundred|thousand|mill|[mb]io|(?:[mb]|tr|quadr)illion|lakh|crore|dozen|percentage)s?|bil|mil|[mbt]n|mrd|score|k"
    r"|half|halves|percent|pct|binary|octal|hex|hexadecimal|base|modulo|mod|factorial|squared|cubed|choose|plus|minus"
    r"|over|divided|point|and|n?or|not|never|than|under|above|below|pi|sqrt|root|[ap]m|st|nd|rd|th"
    r"|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve",
    re.IGNORECASE,
)
"""Words after a number that change it or make it invalid."""
_PART = re.compile(r"(?:third|quarter|fourth|fifth|sixth|seventh|eighth|ninth|tenth|eleventh|twelfth|grand)s?")
"""The same, but only if no other word follows: *18 third graders* are 18."""
_NOT = re.compile(r"\b(?:not|never|no|isn't|cannot)\b", re.IGNORECASE)
_NAME = re.compile(r"(?:[A-Za-z]++ ?+)++(?:_?[0-9])?")
_COMPUTATION = re.compile(r"[0-9(.-][0-9+*/(). -]*")
_RIVAL = re.compile(r"[0-9]\)?\s*(?:or|and|,|/|to|vs)?\s*\Z")
_OPERATOR = re.compile(r"[-+*/^_<>≤≥≈×÷·&#]\s*\Z")
_OPERATORS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}
_SIGNS = {
    r"\times": "*",
    r"\cdot": "*",
    r"\div": "/",
    "×": "*",
    "·": "*",
    "÷": "/",
    "−": "-",
    "–": "-",
    "≡": "=",
    "==": "=",
}


def number_of(expected: str) -> Fraction | None:
    """The value of a plain number; None for other texts."""
    plain = _PLAIN.fullmatch(expected.strip())
    return value_of(plain[0]) if plain else None


def without_asides(text: str) -> str:
    """The text without the 2 of square metres and without GSM8K's annotations such as ``<<9*2=18>>``."""
    return _POWER_OF_UNIT.sub("", _NOTE.sub("", text))


def last_number(text: str) -> re.Match[str] | None:
    """The position of the last number; None if there is none, or if it is too long to be an answer."""
    found = None
    for found in _NUMBER.finditer(text):  # noqa: B007
        pass
    return found if found and len(found[0]) <= LONGEST else None


def value_of(number: str) -> Fraction:
    """The value of a number that :func:`last_number` found."""
    return Fraction(number.replace(",", ""))


def ends_on(wanted: Fraction, text: str, *, marked: bool) -> bool:
    """Whether the last number of ``text`` is ``wanted`` and is used as an answer.

    ``marked``: the whole text is the answer. Otherwise words and numbers may come before its last clause.
    """
    found = last_number(text)
    if found is None or value_of(found[0]) != wanted:
        return False
    before = text[max(0, found.start() - LONGEST) : found.start()]
    behind = text[found.end() : found.end() + LONGEST]
    for opening, closing in (("<", ">"), ("_", "_"), ("__", "__")):
        if before.endswith(opening) and behind.startswith(closing):
            before, behind = before.removesuffix(opening), behind.removeprefix(closing)
    if not marked:
        before, behind = _CLAUSE_ENDS.split(before)[-1], _SENTENCE_ENDS.split(behind)[0]
    return _may_precede(before, wanted, marked=marked) and _may_follow(behind, marked=marked)


def _may_follow(behind: str, *, marked: bool) -> bool:
    """Whether the text after a number does not change it."""
    degrees = _DEGREES.match(behind)
    behind = " " + behind[degrees.end() :] if degrees else behind
    glued = _WORD.match(behind)
    if behind.startswith(("_", "!")) or any(map(str.isnumeric, behind)):
        return False
    if glued and glued[0].isascii() and glued[0] not in _GLUED:
        return False
    plain = " ".join(_STYLE.sub(" ", behind).split()).rstrip(" .,;:!?")
    words = [word for word in _WORD.findall(plain) if word.isascii()]
    return (
        _WORDS.fullmatch(plain) is not None
        and not any(len(word) <= 2 and word not in _SHORT | _LITTLE for word in words[:1])
        and not any(map(_OTHER_NUMBER.fullmatch, words[: 3 if marked else 1]))
        and not (len(words) == 1 and _PART.fullmatch(words[0]))
    )


def _may_precede(before: str, value: Fraction, *, marked: bool) -> bool:
    """Whether a number is an answer with this text before it."""
    before = _CURRENCY.sub("", before)
    for sign, plain in _SIGNS.items():
        before = before.replace(sign, plain)
    if re.search(r"[A-Za-z_.]\Z|[<>≤≥≠]\s*\Z", before) or _COMMAND.search(before):
        return False
    if _NOT.search(before if marked else " ".join(before.split()[-2:])):
        return False
    *sides, near = before.split("=")
    near = " ".join(_STYLE.sub(" ", near).split())
    if sides:
        return near in ("", "+") and all(_holds(side, value, marked=marked) for side in sides)
    if marked:
        return near == "+" or _WORDS.fullmatch(near.rstrip(" :")) is not None
    return _RIVAL.search(near) is None and _OPERATOR.search(near) is None


def _holds(side: str, value: Fraction, *, marked: bool) -> bool:
    """Whether the other side of an equation is empty, a name, or a computation with this value.

    In the middle of a text it may be anything except another number.
    """
    side = re.sub(r"(?<=[0-9]),(?=[0-9]{3})|\\?[$€£¥]|\*\*", "", side).strip()
    if _COMPUTATION.fullmatch(side):
        return _computed(side) == value or (not marked and not _NUMBER.fullmatch(side))
    if not marked:
        return not re.search(r"[0-9]\s+(?:or|and)\s+\S*\Z", side)
    plain = " ".join(_STYLE.sub(" ", side).split())
    return _NAME.fullmatch(plain) is not None or plain == ""


def _computed(text: str) -> Fraction | None:
    try:
        return _evaluated(ast.parse(re.sub(r"(?<![0-9.])0+(?=[0-9])", "", text), mode="eval").body)
    except (SyntaxError, ValueError, ZeroDivisionError, RecursionError, MemoryError):
        return None


def _evaluated(node: ast.expr) -> Fraction:
    if isinstance(node, ast.Constant):
        return Fraction(str(node.value))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_evaluated(node.operand)
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        return Fraction(_OPERATORS[type(node.op)](_evaluated(node.left), _evaluated(node.right)))
    raise ValueError("no computation")
