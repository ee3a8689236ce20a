r"""The kind of the expected answer, which is determined before any comparison.

The kind only depends on the form and is computed quickly; an integer takes a microsecond. If a text could be of two
kinds, the first one in ``_KINDS`` is used.
"""

import ast
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from itertools import pairwise

from evaluators.grading import wording
from evaluators.grading.formulas import parsed
from evaluators.grading.notation import enclosed, plain, worded
from evaluators.grading.numerals import Form
from evaluators.grading.regions import Region, read_region
from evaluators.grading.scalars import read_quantity, without_lead
from evaluators.grading.structures import (
    both_signs,
    is_name,
    items,
    scaled_rows,
    sides,
    tuple_parts,
    without_name,
)
from evaluators.grading.units import Unit, read_unit

LONGEST_ANSWER = 300
"""The longest answer that is compared, in characters."""
_PLAIN = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,6})?")
_MISSING = frozenset(("nan", "null", "n/a", "inf", "-inf", "<answer>", "answer", "tbd", "?"))


_SHORT_WORD = re.compile(
    r"(?i:no|on|up|in|at|it|is|us|we|he|me|my|by|to|of|or|so|as|an|am|pm|be|do|go|if|ok|ne|nw|se|sw)|[A-Z][a-z]"
)
"""Words of two letters, which are not products of two variables."""


class GoldError(ValueError):
    """An expected answer that cannot be understood. The message is one sentence."""


class Kind(StrEnum):
    """The kind of an expected answer."""

    INTEGER = "integer"
    DECIMAL = "decimal"
    FRACTION = "fraction"
    PERCENT = "percent"
    QUANTITY = "quantity with unit"
    BASED = "numeral with base"
    TIME = "time of day"
    DATE = "date"
    RATIO = "ratio"
    SCORE = "score or code"
    CHOICE = "choice"
    CHOICES = "several choices"
    NOTHING = "empty set"
    TEXT = "text"
    MATRIX = "matrix"
    INTERVAL = "interval"
    TUPLE = "tuple"
    LIST = "set or list"
    EQUATION = "equation"
    EXPRESSION = "expression"
    FORMULA = "other formula"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gold:
    """An expected answer: its kind, and its text as normalised by ``notation``."""

    kind: Kind
    text: str


@lru_cache(maxsize=65536)
def read_gold(text: str) -> Gold:
    r"""The kind of an expected answer. In ``... #### 7`` and ``\boxed{7}``, only the marked part is read.

    Raises:
        GoldError: it is empty, too long, malformed, or a placeholder for a missing answer.
    """
    if found := _PLAIN.fullmatch(text):
        return Gold(kind=Kind.DECIMAL if found[1] and found[1].strip(".0") else Kind.INTEGER, text=text)
    marked = _marked(text)
    spelled = plain(without_lead(plain(marked)))
    _check(marked, spelled)
    kind = next((kind for kind, holds in _KINDS if holds(spelled)), None)
    if kind is None:
        raise GoldError(f"the expected answer {text[:40]!r} is not a number, formula or words that can be compared")
    return Gold(kind=kind, text=spelled)


def with_unit(text: str) -> tuple[str, Unit | None]:
    r"""A formula without the unit after it, and that unit: ``18\pi\text{ cm}^2``."""
    found = re.search(
        r"\s?(\\text\s?\{[^{}]*\}(?:\s?\^\s?\{?-?[0-9]\}?)?(?:\s?/\s?\\text\s?\{[^{}]*\}(?:\^\{?[0-9]\}?)?)?"
        r"|(?<![A-Za-z\\])(?:[A-Za-z]{2,}[ /]?)+(?:\^\{?[23]\}?)?|\([A-Za-z ]{3,}\))$",
        text,
    )
    if found is None or found.start() == 0:
        return text, None
    unit = read_unit(worded(found[1]), glued=False)
    return (text[: found.start()].strip(), unit) if unit is not None else (text, None)


def _marked(text: str) -> str:
    from evaluators.grading.extraction import last_box

    text = text.strip()
    if "####" in text:
        text = text.rpartition("####")[2]
    if r"\boxed" in text and (box := last_box(text)) is not None:
        text = box
    if text.startswith("[") and text.endswith("]"):
        try:
            with warnings.catch_warnings(action="ignore"):  # about escapes
                values = ast.literal_eval(text)
        except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
            return text
        if len(values) == 1 and isinstance(values[0], str | int | float):
            return str(values[0])
    return text


def _check(text: str, spelled: str) -> None:
    if not spelled or spelled.lower() in _MISSING:
        raise GoldError(f"the expected answer {text[:40]!r} is empty or a placeholder; fill it in or remove the line")
    if len(spelled) > LONGEST_ANSWER:
        raise GoldError(f"the expected answer {text[:40]!r}... is longer than {LONGEST_ANSWER} characters")
    if not _is_balanced(text):
        raise GoldError(f"the expected answer {text[:40]!r} has an unmatched bracket; fix it")
    if re.search(
        r"\\frac\s?\{[^{}]*\}\s?\{?\s?0\s?\}|(?<![0-9.])[0-9]+/0(?![0-9.])|(?:[-+*/^_=<>]|\\[lg]e|\\frac)$|\\f?boxed",
        spelled,
    ):
        raise GoldError(f"the expected answer {text[:40]!r} is not a complete formula; fix it")


def _is_balanced(text: str) -> bool:
    """Whether braces match, and as many brackets are opened as closed (possibly of different kinds)."""
    text = re.sub(r"\\[{}\\]", "", text)
    depth = 0
    for brace in re.findall("[{}]", text):
        depth += 1 if brace == "{" else -1
        if depth < 0:
            return False
    return depth == 0 and len(re.findall(r"[(\[]", text)) == len(re.findall(r"[)\]]", text))


def _is_integer(text: str) -> bool:
    quantity = read_quantity(text)
    return _bare(text) and quantity is not None and quantity.value.denominator == 1 and _is_written(text)


def _is_decimal(text: str) -> bool:
    return _bare(text) and _is_written(text)


def _is_written(text: str) -> bool:
    quantity = read_quantity(text)
    return quantity is not None and quantity.number.form in (Form.WRITTEN, Form.SCIENTIFIC)


def _is_fraction(text: str) -> bool:
    quantity = read_quantity(text)
    return _bare(text) and quantity is not None and quantity.number.form is not Form.ROOT


def _bare(text: str) -> bool:
    quantity = None if re.search(r"[0-9]\s?[kKMBT]$", text) else read_quantity(text)  # 2k is twice k
    return quantity is not None and quantity.unit is None and not quantity.percent


def _is_percent(text: str) -> bool:
    quantity = read_quantity(text)
    return quantity is not None and quantity.percent


def _is_quantity(text: str) -> bool:
    quantity = read_quantity(text)
    return quantity is not None and quantity.unit is not None


def _is_text(text: str) -> bool:
    """Whether the text is words and not mathematics. Three or more consecutive letters are a word."""
    bare = re.sub(r"\\(?!text)[A-Za-z]+", " ", worded(text) if "\\text" in text else text)
    if "\\text" in text and enclosed(re.sub(r"^\\text\s?", "", text), "{") is not None:
        return True
    formula, _ = with_unit(text)
    if _SHORT_WORD.fullmatch(text) or (formula != text and re.fullmatch(r"[A-Za-z ]+", text)):
        return True
    if re.search(r"[=<>\\]", text) or parsed(formula) is not None:
        return re.fullmatch(r"[A-Za-z]{3,}", formula) is not None and looks_like_word(formula)
    return re.search(r"[A-Za-z]{2,}|[^\W\d_a-zA-Z]", bare) is not None and not _is_structure(text)


def looks_like_word(text: str) -> bool:
    """Whether this is three or more letters, but no product of variables (``GMm``, ``abc``) and no name of a symbol."""
    if text in ("sin", "cos", "tan", "log", "exp", "sqrt", "infinity", "theta", "alpha", "beta"):
        return False
    following = all(ord(b) - ord(a) == 1 for a, b in pairwise(text))
    cased = text.islower() or text.isupper() or text.istitle()
    return len(text) > 3 or (cased and not following and re.search("[aeiouy]", text.lower()) is not None)


def _is_structure(text: str) -> bool:
    parts = tuple_parts(text) or items(enclosed(text, r"\{") or text)
    return len(parts) > 1 and all(_is_value(part) for part in parts)


def _is_value(text: str) -> bool:
    text = without_name(text)[1]
    if re.fullmatch(r"[A-Za-z]{3,}", text) and looks_like_word(text):
        return False
    return read_quantity(text) is not None or parsed(text) is not None or tuple_parts(text) is not None


def _is_interval(text: str) -> bool:
    region: Region | None = read_region(text)
    if region is None:
        return False
    inside = tuple_parts(text.rpartition("=")[2].strip())
    return inside is None or any(r"\infty" in part for part in inside)


def _is_tuple(text: str) -> bool:
    parts = tuple_parts(without_name(text)[1])
    return parts is not None and all(_is_value(part) for part in parts)


def _is_list(text: str) -> bool:
    inside = enclosed(without_name(text)[1], r"\{")
    if inside is not None:
        return all(_is_value(part) for part in items(inside))
    parts = items(text)
    return len(parts) > 1 and all(_is_value(part) for part in parts)


def _is_equation(text: str) -> bool:
    parts = sides(text)
    if len(parts) != 2:
        return False
    right = with_unit(parts[1])[0]
    return (is_name(parts[0]) or parsed(parts[0]) is not None) and parsed(right) is not None


def _is_expression(text: str) -> bool:
    return len(both_signs(text)) == 1 and parsed(with_unit(text)[0]) is not None


_KINDS: tuple[tuple[Kind, Callable[[str], bool]], ...] = (
    (Kind.CHOICE, lambda text: re.fullmatch(r"\(?[A-J]\)?", worded(text)) is not None),
    (Kind.CHOICES, lambda text: wording.selection(text) is not None and _is_selection(text)),
    (Kind.TIME, lambda text: wording.time_of_day(text) is not None),
    (Kind.RATIO, lambda text: wording.ratio(text) is not None),
    (Kind.DATE, lambda text: wording.date(text) is not None),
    (Kind.SCORE, lambda text: wording.score(text) is not None),
    (Kind.NOTHING, wording.is_nothing),
    (Kind.BASED, lambda text: wording.based(text) is not None),
    (Kind.PERCENT, _is_percent),
    (Kind.QUANTITY, _is_quantity),
    (Kind.INTEGER, _is_integer),
    (Kind.DECIMAL, _is_decimal),
    (Kind.FRACTION, _is_fraction),
    (Kind.MATRIX, lambda text: scaled_rows(without_name(text)[1]) is not None),
    (Kind.INTERVAL, _is_interval),
    (Kind.TEXT, _is_text),
    (Kind.TUPLE, _is_tuple),
    (Kind.LIST, _is_list),
    (Kind.EQUATION, _is_equation),
    (Kind.EXPRESSION, _is_expression),
    (Kind.FORMULA, lambda text: re.search(r"[A-Za-z0-9]", text) is not None),
)


def _is_selection(text: str) -> bool:
    """Whether this is letters in alphabetical order or with separators. ``BAD`` is a word."""
    letters = wording.selection(text) or ""
    return list(letters) == sorted(letters) or re.fullmatch("[A-J]+", text) is None
