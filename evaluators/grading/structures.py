r"""How an answer is put together: sides of an equation, parts of a list, tuple or matrix, ends of an interval."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from evaluators.grading.formulas import Tree, parsed
from evaluators.grading.notation import enclosed, worded
from evaluators.grading.values import below, same, symbols

Item = TypeVar("Item")
_AND = re.compile(
    r"\s*(?:\\text\s?\{\s*(?:,?\s*(?:and|or))\s*\}|(?<![A-Za-z\\])(?:and|or)(?![A-Za-z])|\\lor(?![a-z])|\\vee(?![a-z]))\s*"
)
_RELATION = re.compile(r"\\le |\\ge |\\ne |<|>|\\le(?![a-z])|\\ge(?![a-z])|\\ne(?![a-z])")
_SYMBOL = r"(?:[A-Za-z]|\\(?:alpha|beta|gamma|theta|lambda|mu|phi|omega|sigma|rho|tau|ell|delta|Delta))"
_INDEX = r"(?:_(?:\{[^{}=<>]*\}|[A-Za-z0-9]))?'*"
_NAME = re.compile(
    rf"(?:{_SYMBOL}{_INDEX}(?:\^\{{?-1\}}?)?(?:\s?\([^()=<>]*\))?|[A-Z]{{2,3}}|\\Pr(?:\([^()=<>]*\))?|(?:\\mathbb|\\text)\s?\{{[PE]\}}\s?[\[(][^()=<>]*[\])]"
    rf"|m?\s?(?:\\angle|\\triangle)\s?[A-Z]{{1,3}}|\\overline\s?\{{[A-Z]{{2}}\}}|\|[A-Z]{{2}}\|"
    rf"|\\(?:sin|cos|tan|cot|sec|csc)\s?\(?(?:{_SYMBOL}|\\angle\s?[A-Z]{{1,3}})\)?)"
)
_WORDS = re.compile(r"[A-Za-z][A-Za-z']*(?:[ -][A-Za-z']+)*(?: \([A-Za-z ]+\))?")
DOUBT = re.compile(
    r"\b(?:not|no|never|nor|isn't|aren't|wasn't|about|approximately|approx|around|roughly|nearly|almost|least|most|more"
    r"|less|fewer|greater|smaller|under|above|below|between|or|either|if|wrong|incorrect|except|unless|maybe|perhaps|possibly|probably"
    r"|twice|cannot|can't)\b|\b(?:half|square|root|cube|double|triple) of\b",
    re.IGNORECASE,
)
_AND_INEQUALITIES = re.compile(r"(.+?)(?:\\text\s?\{\s*and\s*\}|(?<![A-Za-z])and(?![A-Za-z])|\\land(?![a-z]))(.+)")
_MATRIX = re.compile(
    r"[(\[]?\s?\\begin\s?\{([pb]?matrix|array)\}(?:\{[lcr|]+\})?(.*)\\end\s?\{\1\}\s?[)\]]?", re.DOTALL
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """Of real numbers; an end may be infinite."""

    low: Tree
    high: Tree
    holds_low: bool
    holds_high: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """Intervals next to each other, and the variable that is said to lie there, if one is named."""

    intervals: tuple[Interval, ...]
    variable: str = ""


def split_outside(text: str, marks: str) -> list[str]:
    """Split at single characters that stand outside all brackets."""
    parts, depth, start = [], 0, 0
    place = 0
    while place < len(text):
        character = text[place]
        if character == "\\" and text[place + 1 : place + 2] in ("{", "}"):
            depth += 1 if text[place + 1] == "{" else -1
            place += 2
            continue
        depth += (character in "([{") - (character in ")]}")
        if depth == 0 and character in marks:
            parts.append(text[start:place].strip())
            start = place + 1
        place += 1
    return [*parts, text[start:].strip()]


def sides(text: str) -> list[str]:
    """Of an equation or a chain of them; one, if there is no sign of equality."""
    return split_outside(text.replace("==", "="), "=")


def is_name(text: str) -> bool:
    r"""A variable, function or measure, or words, before a value: ``x_1``, ``f(3)``, ``\angle ABC``, ``Total cost``."""
    if _NAME.fullmatch(text):
        return True
    words = worded(text)
    if any(len(word) < 2 and word not in "aAI" for word in re.findall("[A-Za-z]+", words.replace("'s", ""))):
        return False
    label = re.search("[A-Za-z]{4}|[A-Z][a-z]{2}", words) is not None
    return label and _WORDS.fullmatch(words) is not None and DOUBT.search(words) is None


def value_side(text: str, agree: Callable[[str, str], bool]) -> str | None:
    """The side of a chain that states the value; ``None`` if another side contradicts it.

    Each of the others must be a name or, by ``agree(other, side)``, have the same value.
    """
    parts = sides(text)
    if len(parts) > 8 or not all(parts):
        return None
    if len(parts) == 2 and is_name(parts[1]) and not is_name(parts[0]):
        parts.reverse()
    *others, last = parts
    if all(is_name(other) or agree(other, last) for other in others):
        return last
    return parts[0] if len(parts) == 2 and agree(last, parts[0]) else None


def without_name(text: str) -> tuple[str, str]:
    r"""What ``x =``, ``(x,y) =`` or ``x \in`` names, squeezed, and the rest."""
    found = re.match(
        rf"({_SYMBOL}{_INDEX}(?:\([A-Za-z]\))?|\(\s?{_SYMBOL}(?:\s?,\s?{_SYMBOL})+\s?\))\s?(?:=|\\in(?![a-z]))\s?", text
    )
    return ("".join(found[1].split()), text[found.end() :]) if found else ("", text)


def items(text: str) -> list[str]:
    r"""The parts of a list: between commas, semicolons, *and*, *or*; ``\pm`` makes two of one."""
    text = _AND.sub(" ; ", text)
    parts = [part for part in split_outside(text, ",;") if part]
    return [item for part in parts for item in both_signs(part)]


def both_signs(text: str) -> list[str]:
    if not re.search(r"\\pm(?![a-z])|\\mp(?![a-z])", text):
        return [text]
    return [
        re.sub(r"\\pm(?![a-z])\s?", upper, re.sub(r"\\mp(?![a-z])\s?", lower, text)).removeprefix("+")
        for upper, lower in (("+", "-"), ("-", "+"))
    ]


def tuple_parts(text: str) -> list[str] | None:
    """Of a tuple of two or more."""
    text = re.sub(r"\\langle(?![a-z])\s?(.*)\\rangle", r"(\1)", text)
    inside = enclosed(text, "(")
    parts = split_outside(inside, ",;") if inside is not None else []
    return parts if len(parts) > 1 and all(parts) else None


def matrix_rows(text: str) -> list[list[str]] | None:
    found = _MATRIX.fullmatch(text)
    if found is None:
        return None
    rows = [row for row in re.split(r"\\\\(?:\[[^\]]*\])?", found[2]) if row.strip()]
    return [[cell.strip() for cell in row.split("&")] for row in rows]


def read_region(text: str) -> Region | None:
    """A set of real numbers written as intervals or inequalities."""
    lower = worded(text).lower()
    builder = enclosed(text, r"\{")
    if builder is not None and re.match(r"\s?[A-Za-z]\s?(?:\\in(?![a-z])\s?\\reals\s?)?[|:]", builder):
        return read_region(re.split(r"[|:]", builder, maxsplit=1)[1].strip())
    name, rest = without_name(text)
    if rest.strip() == r"\reals" or re.fullmatch(r"(?:the )?(?:set of )?(?:all |any )?(?:real numbers?|reals)", lower):
        return Region(intervals=(Interval(low=_MINUS, high=_PLUS, holds_low=False, holds_high=False),), variable=name)
    if without := re.fullmatch(r"\\reals\s?(?:\\setminus|\\backslash|-)\s?\\\{([^{},]*)\\\}", rest.strip()):
        rest = f"{name or 'x'} \\ne {without[1]}"
    if (joined := _AND_INEQUALITIES.fullmatch(rest.strip())) is not None:
        return _both(_inequality(joined[1].strip()), _inequality(joined[2].strip()))
    parts = [
        part
        for part in re.split(r"\\cup(?![a-z])|\\text\s?\{\s*or\s*\}|(?<![A-Za-z])or(?![A-Za-z])", rest)
        if part.strip()
    ]
    regions = [_interval(part.strip()) or _inequality(part.strip()) for part in parts]
    found = [region for region in regions if region is not None]
    if not found or len(found) < len(regions):
        return None
    names = {name, *(region.variable for region in found)} - {""}
    if len(names) > 1:
        return None
    return Region(intervals=tuple(i for region in found for i in region.intervals), variable="".join(names))


def _both(one: Region | None, other: Region | None) -> Region | None:
    """Where a variable is above one number and below another."""
    if one is None or other is None or one.variable != other.variable or len(one.intervals + other.intervals) != 2:
        return None
    lower, upper = sorted((one.intervals[0], other.intervals[0]), key=lambda interval: interval.low == _MINUS)
    if lower.high != _PLUS or upper.low != _MINUS or not below(lower.low, upper.high):
        return None
    meant = Interval(low=lower.low, high=upper.high, holds_low=lower.holds_low, holds_high=upper.holds_high)
    return Region(intervals=(meant,), variable=one.variable)


def same_region(gold: Region, answer: Region) -> bool:
    if gold.variable and answer.variable and gold.variable != answer.variable:
        return False
    return matched(gold.intervals, answer.intervals, _same_interval)


def matched(gold: Sequence[Item], answer: Sequence[Item], agree: Callable[[Item, Item], bool]) -> bool:
    """Whether the two have the same members, in any order."""
    left = list(answer)
    if len(gold) != len(left):
        return False
    for wanted in gold:
        found = next((n for n, one in enumerate(left) if agree(wanted, one)), None)
        if found is None:
            return False
        del left[found]
    return True


_PLUS: Tree = ("const", "infty")
_MINUS: Tree = ("neg", _PLUS)


def _interval(text: str) -> Region | None:
    if text[:1] not in ("(", "[") or text[-1:] not in (")", "]"):
        return None
    ends = split_outside(f"({text[1:-1]})"[1:-1], ",;")
    if len(ends) != 2:
        return None
    low, high = (parsed(end.removeprefix("+")) for end in ends)
    if low is None or high is None or not below(low, high):
        return None
    held = Interval(low=low, high=high, holds_low=text[0] == "[", holds_high=text[-1] == "]")
    return Region(intervals=(held,))


def _inequality(text: str) -> Region | None:
    signs = [found.strip() for found in _RELATION.findall(text)]
    parts = [part.strip() for part in _RELATION.split(text)]
    trees = [parsed(part.removeprefix("+")) for part in parts]
    if not signs or len(signs) > 2 or any(tree is None for tree in trees):
        return None
    if len(signs) == 1 and _variable(trees[1]):
        flip = {"<": ">", ">": "<", r"\le": r"\ge", r"\ge": r"\le", r"\ne": r"\ne"}
        trees.reverse()
        signs = [flip[signs[0]]]
    place = 0 if len(signs) == 1 else 1
    variable = _variable(trees[place])
    others = [tree for n, tree in enumerate(trees) if n != place and tree is not None]
    if not variable or any(symbols(tree) for tree in others):
        return None
    return Region(intervals=_solved(others, signs), variable=variable) if _consistent(others, signs) else None


def _variable(tree: Tree | None) -> str:
    return str(tree[1]) if tree is not None and tree[0] == "sym" else ""


def _consistent(others: list[Tree], signs: list[str]) -> bool:
    if len(signs) == 1:
        return True
    upward = {sign in ("<", r"\le") for sign in signs}
    if len(upward) > 1 or r"\ne" in signs:
        return False
    low, high = others if True in upward else reversed(others)
    return below(low, high)


def _solved(others: list[Tree], signs: list[str]) -> tuple[Interval, ...]:
    if len(signs) == 2:
        low, high = others
        first, second = (sign in (r"\le", r"\ge") for sign in signs)
        if signs[0] in (">", r"\ge"):
            low, high, first, second = high, low, second, first
        return (Interval(low=low, high=high, holds_low=first, holds_high=second),)
    (end,), (sign,) = others, signs
    left = Interval(low=_MINUS, high=end, holds_low=False, holds_high=sign == r"\le")
    right = Interval(low=end, high=_PLUS, holds_low=sign == r"\ge", holds_high=False)
    if sign == r"\ne":
        return (left, right)
    return (left,) if sign in ("<", r"\le") else (right,)


def _same_interval(gold: Interval, answer: Interval) -> bool:
    return (
        (gold.holds_low, gold.holds_high) == (answer.holds_low, answer.holds_high)
        and same(gold.low, answer.low)
        and same(gold.high, answer.high)
    )
