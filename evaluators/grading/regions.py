r"""Sets of real numbers: intervals, unions of intervals, inequalities, and complements."""

import re
from dataclasses import dataclass
from functools import cmp_to_key

from evaluators.grading.formulas import Tree, parsed
from evaluators.grading.notation import enclosed, worded
from evaluators.grading.structures import items, matched, split_outside, without_name
from evaluators.grading.values import below, same, symbols

_RELATION = re.compile(r"\\le |\\ge |\\ne |<|>|\\le(?![a-z])|\\ge(?![a-z])|\\ne(?![a-z])")
_AND_INEQUALITIES = re.compile(r"(.+?)(?:\\text\s?\{\s*and\s*\}|(?<![A-Za-z])and(?![A-Za-z])|\\land(?![a-z]))(.+)")
_WITHOUT = re.compile(
    r"(?:\\reals|\(\s?-\s?\\infty\s?,\s?\+?\\infty\s?\))\s?(?:\\setminus|\\smallsetminus|\\backslash|-)\s?([(\[\\].*)"
)
"""All real numbers without a set."""
_EXCEPT = re.compile(
    r"(?:([A-Za-z])\s?\\ne\s|(?:all )?real numbers,? (?:except|other than|but)(?: for)? (?:[A-Za-z] ?= ?)?)([^<>=]*)"
)
"""All real numbers except a list of numbers."""
_PLUS: Tree = ("const", "infty")
_MINUS: Tree = ("neg", _PLUS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """An interval of real numbers. An end may be infinite."""

    low: Tree
    high: Tree
    holds_low: bool
    holds_high: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """A union of intervals, and the variable that is in it, if one is named."""

    intervals: tuple[Interval, ...]
    variable: str = ""


def read_region(text: str) -> Region | None:
    """A set of real numbers written as intervals or inequalities."""
    lower = worded(text).lower()
    builder = enclosed(text, r"\{")
    if builder is not None and re.match(r"\s?[A-Za-z]\s?(?:\\in(?![a-z])\s?\\reals\s?)?[|:]", builder):
        return read_region(re.split(r"[|:]", builder, maxsplit=1)[1].strip())
    name, rest = without_name(text)
    if rest.strip() == r"\reals" or re.fullmatch(r"(?:the )?(?:set of )?(?:all |any )?(?:real numbers?|reals)", lower):
        return Region(intervals=(Interval(low=_MINUS, high=_PLUS, holds_low=False, holds_high=False),), variable=name)
    if without := _WITHOUT.fullmatch(rest.strip()):
        union = enclosed(without[1], "(")
        return _complement(union if union and r"\cup" in union else without[1], name)
    if excepted := _EXCEPT.fullmatch(worded(text)):
        return _complement(rf"\{{{excepted[2]}\}}", excepted[1] or "")
    if (joined := _AND_INEQUALITIES.fullmatch(rest.strip())) is not None:
        return _both(_inequality(joined[1].strip()), _inequality(joined[2].strip()))
    parts = [
        part
        for part in re.split(r"\\(?:cup|lor|vee)(?![a-z])|\\text\s?\{\s*or\s*\}|(?<![A-Za-z])or(?![A-Za-z])", rest)
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


def _complement(text: str, variable: str) -> Region | None:
    """All real numbers without an interval, a union of intervals, or some numbers in braces."""
    numbers = enclosed(text, r"\{")
    if numbers is not None:
        ends = [parsed(item) for item in items(numbers)]
        removed = [Interval(low=end, high=end, holds_low=True, holds_high=True) for end in ends if end is not None]
        if len(removed) < len(ends) or any(symbols(one.low) for one in removed):
            return None
    else:
        region = read_region(text)
        if region is None or region.variable:
            return None
        removed = list(region.intervals)
    ordered = sorted(removed, key=cmp_to_key(_order))
    left: list[Interval] = []
    low, holds_low = _MINUS, False
    for one in ordered:
        if one.low != _MINUS:
            if not below(low, one.low):
                return None
            left.append(Interval(low=low, high=one.low, holds_low=holds_low, holds_high=not one.holds_low))
        low, holds_low = one.high, not one.holds_high
    if low != _PLUS:
        left.append(Interval(low=low, high=_PLUS, holds_low=holds_low, holds_high=False))
    return Region(intervals=tuple(left), variable=variable) if left else None


def _order(one: Interval, other: Interval) -> int:
    return -1 if below(one.low, other.low) else 1


def _both(one: Region | None, other: Region | None) -> Region | None:
    """The intersection of two regions, for a variable above one number and below another."""
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
