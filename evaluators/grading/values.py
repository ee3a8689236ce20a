r"""Whether two trees have the same value for all variables, by exact arithmetic and at several points.

Rational numbers are exact; others are computed to 360 digits. Expressions are compared at several fixed points of both
signs, so ``\sqrt{x^2}`` is not ``x``. They must agree at all points at which both are real. At positive points they
must agree as complex numbers. Expressions that would take long or are too large to be an answer are refused.
"""

import zlib
from collections.abc import Mapping
from fractions import Fraction
from functools import lru_cache
from typing import Any

from evaluators.grading.arithmetic import UNDEFINED, apply, close, constant, is_real, is_zero, less, mp, over, rounded
from evaluators.grading.formulas import Tree


def same(gold: Tree, answer: Tree) -> bool:
    """Whether the trees are equal at all points; false if one has no value."""
    try:
        return _same(gold, answer)
    except UNDEFINED:
        return False


def proportional(gold: Tree, answer: Tree) -> bool:
    """Whether one is a constant multiple of the other and neither is zero, so the equations have the same solutions."""
    names = sorted(symbols(gold) | symbols(answer))
    try:
        ratios = [over(evaluate(answer, point), evaluate(gold, point)) for point in _points(names)[:5]]
        return all(not is_zero(ratio) and close(ratio, ratios[0]) for ratio in ratios)
    except UNDEFINED:
        return False


def near(tree: Tree, value: Fraction, places: int) -> bool:
    """Whether a decimal with ``places`` places is a rounded or truncated real constant."""
    if symbols(tree):
        return False
    try:
        constant_value = evaluate(tree, {})
        if not is_real(constant_value):
            return False
        exact_value, given = rounded(constant_value), rounded(value)
        apart = abs(exact_value - given) * 10**places
        return bool(apart * 2 <= 1 or (apart < 1 and abs(given) < abs(exact_value)))
    except UNDEFINED:
        return False


def exact(tree: Tree) -> Fraction | None:
    """The value of a tree that is a rational number."""
    if symbols(tree):
        return None
    try:
        value = evaluate(tree, {})
    except UNDEFINED:
        return None
    return value if isinstance(value, Fraction) else None


def below(low: Tree, high: Tree) -> bool:
    """Whether two real constants, possibly infinite, are in this order."""
    if symbols(low) or symbols(high):
        return False
    if high == ("const", "infty") or low == ("neg", ("const", "infty")):
        return True
    try:
        a, b = evaluate(low, {}), evaluate(high, {})
        return is_real(a) and is_real(b) and less(a, b)
    except UNDEFINED:
        return False


@lru_cache(maxsize=4096)
def symbols(tree: Tree) -> frozenset[str]:
    """The names of the variables of a tree. The unknown base of ``\\log`` is one of them."""
    if tree[0] == "sym":
        return frozenset([tree[1]])
    found = frozenset(["\\log"]) if tree[0] == "log" else frozenset[str]()
    return found.union(*(symbols(part) for part in tree[1:] if isinstance(part, tuple)))


def evaluate(tree: Tree, point: Mapping[str, Fraction]) -> Any:
    """A ``Fraction``, or a number of mpmath."""
    match tree:
        case ("num", value):
            return value
        case ("sym", name):
            return point[name]
        case ("const", name):
            return constant(name)
        case ("log", argument):
            return over(apply("ln", evaluate(argument, point)), mp().log(rounded(1 + abs(point["\\log"]))))
    return apply(tree[0], *(evaluate(part, point) for part in tree[1:]))


def _same(gold: Tree, answer: Tree) -> bool:
    infinite = [_infinity(gold), _infinity(answer)]
    if any(infinite):
        return infinite[0] == infinite[1]
    names = sorted(symbols(gold) | symbols(answer))
    compared = 0
    for point in _points(names):
        positive = all(value > 0 for value in point.values())
        try:
            a, b = evaluate(gold, point), evaluate(answer, point)
        except ArithmeticError:
            if positive:
                raise
            continue
        if not positive and not (is_real(a) and is_real(b)):
            continue
        if not close(a, b):
            return False
        compared += 1
    return compared > 0


def _infinity(tree: Tree) -> int:
    """The sign of an infinity, 1 or -1; 0 if the tree is finite."""
    match tree:
        case ("const", "infty"):
            return 1
        case ("neg", part):
            return -_infinity(part)
        case ("group", part):
            return _infinity(part)
    return 0


@lru_cache(maxsize=512)
def _cached_points(names: tuple[str, ...]) -> list[dict[str, Fraction]]:
    signs = [(1, 1), (1, 1), (1, 1), (-1, -1), (-1, 1), (1, -1)]
    return [
        {
            name: Fraction(sign[n % 2] * (zlib.crc32(f"{turn} {name}".encode()) % 1801 + 211), 997)
            for n, name in enumerate(names)
        }
        for turn, sign in enumerate(signs)
    ][: 6 if names else 1]


def _points(names: list[str]) -> list[dict[str, Fraction]]:
    return _cached_points(tuple(names))
