r"""Whether two trees have the same value, whatever their variables are: decided in exact arithmetic and at points.

Rational numbers stay exact; the rest is computed to 360 digits. Expressions are compared at several fixed points, of
either sign, so that ``\sqrt{x^2}`` is not ``x``. Where both are real they must agree everywhere, and at positive points
they must agree as complex numbers. What would take long or is too large to be an answer is refused, not computed.
"""

import threading
import zlib
from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import lru_cache
from math import isqrt
from typing import Any

from evaluators.grading.formulas import Tree

BITS = 1200
"""Working precision."""
_AGREE = 1000
"""Leading bits in which equal values agree."""
_LARGEST = 20_000
"""Bits of an exact number."""
_ROUNDED_LARGEST = 800
"""Bits before the point of a rounded number: more would leave too few behind it."""
_LARGEST_ARGUMENT = 10_000
"""Of factorials and of functions."""
_LOCAL = threading.local()


class NoValue(ArithmeticError):
    """Undefined, or too large or too slow to be an answer."""


def same(gold: Tree, answer: Tree) -> bool:
    """Equal at all points; never if either has no value."""
    try:
        return _same(gold, answer)
    except (NoValue, ZeroDivisionError, ValueError, OverflowError, ArithmeticError, RecursionError):
        return False


def proportional(gold: Tree, answer: Tree, *, positive: bool = False) -> bool:
    """Whether one is a constant multiple of the other, neither being zero: such equations have the same solutions."""
    names = sorted(symbols(gold) | symbols(answer))
    try:
        ratios = [_over(evaluate(answer, point), evaluate(gold, point)) for point in _points(names)[:5]]
        if any(_is_zero(ratio) or not _close(ratio, ratios[0]) for ratio in ratios):
            return False
        return not positive or (_real(ratios[0]) and _less(0, ratios[0]))
    except (NoValue, ZeroDivisionError, ValueError, OverflowError, ArithmeticError, RecursionError):
        return False


def exact(tree: Tree) -> Fraction | None:
    """The value of a tree that is a rational number."""
    if symbols(tree):
        return None
    try:
        value = evaluate(tree, {})
    except (NoValue, ZeroDivisionError, ValueError, OverflowError, ArithmeticError, RecursionError):
        return None
    return value if isinstance(value, Fraction) else None


def below(low: Tree, high: Tree) -> bool:
    """Whether two real constants are in this order; infinities count."""
    if symbols(low) or symbols(high):
        return False
    if high == ("const", "infty") or low == ("neg", ("const", "infty")):
        return True
    try:
        a, b = evaluate(low, {}), evaluate(high, {})
        return _real(a) and _real(b) and _less(a, b)
    except (NoValue, ZeroDivisionError, ValueError, OverflowError, ArithmeticError, RecursionError):
        return False


@lru_cache(maxsize=4096)
def symbols(tree: Tree) -> frozenset[str]:
    """The names of its variables; the base of ``\\log`` is one, since it is not said."""
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
            return _constant(name)
        case ("log", argument):
            return _over(_apply("ln", evaluate(argument, point)), _mp().log(_rounded(1 + abs(point["\\log"]))))
    return _apply(tree[0], *(evaluate(part, point) for part in tree[1:]))


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
        except (NoValue, ZeroDivisionError):
            if positive:
                raise
            continue
        if not positive and not (_real(a) and _real(b)):
            continue
        if not _close(a, b):
            return False
        compared += 1
    return compared > 0


def _infinity(tree: Tree) -> int:
    """1 or -1; 0 if it is finite."""
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


def _mp() -> Any:
    """A context of this thread's own, since its precision is state."""
    context = getattr(_LOCAL, "context", None)
    if context is None:
        from mpmath import MPContext  # not needed for rational numbers

        context = _LOCAL.context = MPContext()
        context.prec = BITS
    return context


def _constant(name: str) -> Any:
    if name == "infty":
        raise NoValue("infinity is no number to calculate with")
    context = _mp()
    return {"pi": lambda: +context.pi, "e": lambda: +context.e, "i": lambda: context.mpc(0, 1)}[name]()


def _rounded(value: Any) -> Any:
    if not isinstance(value, Fraction | int):
        return value
    context = _mp()
    value = Fraction(value)
    if _bits(value) > _ROUNDED_LARGEST * 2:
        raise NoValue("too large to be rounded")
    return context.mpf(value.numerator) / context.mpf(value.denominator)


def _bits(value: Fraction) -> int:
    return max(value.numerator.bit_length(), value.denominator.bit_length())


def _checked(value: Any) -> Any:
    if isinstance(value, Fraction):
        if _bits(value) > _LARGEST:
            raise NoValue("too many digits")
        return value
    context = _mp()
    if not context.isfinite(value) or (value and abs(context.mag(value)) > _ROUNDED_LARGEST):
        raise NoValue("too large or too small")
    return value


def _apply(name: str, *values: Any) -> Any:
    return _checked(OPERATIONS[name](*values))


def _with(operation: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def applied(a: Any, b: Any) -> Any:
        if isinstance(a, Fraction) and isinstance(b, Fraction):
            return operation(a, b)
        return operation(_rounded(a), _rounded(b))

    return applied


def _over(a: Any, b: Any) -> Any:
    if _is_zero(b):
        raise ZeroDivisionError
    return a / b if isinstance(a, Fraction) and isinstance(b, Fraction) else _rounded(a) / _rounded(b)


def _power(base: Any, exponent: Any) -> Any:
    if isinstance(exponent, Fraction) and exponent.denominator == 1:
        if abs(exponent) > _LARGEST:
            raise NoValue("too high a power")
        if isinstance(base, Fraction):
            if base == 0 and exponent <= 0:
                raise NoValue("no power of zero")
            if abs(exponent) * _bits(base) > _LARGEST:
                raise NoValue("too many digits")
            return base ** int(exponent)
        return _rounded(base) ** int(exponent)
    if isinstance(base, Fraction) and base > 0 and isinstance(exponent, Fraction) and exponent.denominator <= 64:
        root = _exact_root(base, exponent.denominator)
        if root is not None:
            return _power(root, Fraction(exponent.numerator))
    base, exponent = _rounded(base), _rounded(exponent)
    if _is_zero(base):
        raise NoValue("no power of zero")
    context = _mp()
    if abs(exponent * context.log(base)) > _ROUNDED_LARGEST:
        raise NoValue("too high a power")
    return context.power(base, exponent)


def _exact_root(value: Fraction, degree: int) -> Fraction | None:
    parts = []
    for part in (value.numerator, value.denominator):
        root = isqrt(part) if degree == 2 else round(part ** (1 / degree)) if part.bit_length() < 900 else 0
        if root**degree != part:
            return None
        parts.append(root)
    return Fraction(*parts)


def _root(value: Any, degree: Any) -> Any:
    if not isinstance(degree, Fraction) or degree.denominator != 1 or not 1 < degree <= 100:
        raise NoValue("no such root")
    if _is_zero(value):
        return Fraction(0)
    if degree % 2 and _real(value) and _less(value, 0):
        return -_power(-value, 1 / degree)
    return _power(value, 1 / degree)


def _function(name: str) -> Callable[[Any], Any]:
    def applied(value: Any) -> Any:
        value = _rounded(value)
        if abs(value) > _LARGEST_ARGUMENT and name not in ("ln", "log10"):
            raise NoValue("too large an argument")
        if name in ("ln", "log10") and value == 0:
            raise NoValue("no logarithm of zero")
        result = getattr(_mp(), name)(value)
        return _mp().mpf(0) if _is_zero(result) else result

    return applied


def _factorial(value: Any) -> Any:
    if isinstance(value, Fraction) and value.denominator == 1 and 0 <= value <= 1000:
        product = 1
        for factor in range(2, int(value) + 1):
            product *= factor
        return Fraction(product)
    if not isinstance(value, Fraction) or abs(value) > 50 or value.denominator == 1:
        raise NoValue("no factorial")
    return _mp().factorial(_rounded(value))


def _binomial(n: Any, k: Any) -> Any:
    if not (isinstance(k, Fraction) and k.denominator == 1 and 0 <= k <= 1000):
        raise NoValue("no binomial coefficient")
    product: Any = Fraction(1)
    for step in range(int(k)):
        product = _checked(
            _with(lambda a, b: a * b)(product, _with(lambda a, b: a - b)(n, Fraction(step)) / (step + 1))
        )
    return product


def _whole(name: str) -> Callable[[Any], Any]:
    def applied(value: Any) -> Any:
        if not _real(value):
            raise NoValue("no integer part")
        if isinstance(value, Fraction):
            return Fraction(value.__floor__() if name == "floor" else value.__ceil__())
        return Fraction(int(getattr(_mp(), name)(_mp().re(value))))

    return applied


OPERATIONS: dict[str, Callable[..., Any]] = {
    "group": lambda a: a,
    "neg": lambda a: -a,
    "add": _with(lambda a, b: a + b),
    "mul": _with(lambda a, b: a * b),
    "div": _over,
    "frac": _over,
    "pow": _power,
    "root": _root,
    "factorial": _factorial,
    "binomial": _binomial,
    "abs": abs,
    "floor": _whole("floor"),
    "ceil": _whole("ceil"),
    "logbase": lambda a, base: _over(_apply("ln", a), _apply("ln", base)),
    "lg": _function("log10"),
    "arcsin": _function("asin"),
    "arccos": _function("acos"),
    "arctan": _function("atan"),
} | {name: _function(name) for name in ("sin", "cos", "tan", "cot", "sec", "csc", "sinh", "cosh", "tanh", "ln", "exp")}
"""What the names in a tree stand for."""


def _is_zero(value: Any) -> bool:
    if isinstance(value, Fraction):
        return value == 0
    return bool(abs(value) < _mp().ldexp(1, -_AGREE))


def _real(value: Any) -> bool:
    if isinstance(value, Fraction | int):
        return True
    context = _mp()
    return bool(abs(context.im(value)) <= context.ldexp(1, -_AGREE) * max(1, abs(value)))


def _less(a: Any, b: Any) -> bool:
    if isinstance(a, Fraction | int) and isinstance(b, Fraction | int):
        return a < b
    context = _mp()
    return bool(context.re(_rounded(a)) < context.re(_rounded(b)))


def _close(a: Any, b: Any) -> bool:
    if isinstance(a, Fraction) and isinstance(b, Fraction):
        return a == b
    context = _mp()
    a, b = _rounded(a), _rounded(b)
    return bool(abs(a - b) <= context.ldexp(1, -_AGREE) * max(1, abs(a), abs(b)))
