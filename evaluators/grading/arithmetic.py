r"""Arithmetic, exact for rational numbers and to 360 digits for others, with limits of time and of size."""

import threading
from collections.abc import Callable
from fractions import Fraction
from math import isqrt
from typing import Any

_BITS = 1200
"""Working precision."""
_AGREE = 1000
"""The number of leading bits in which equal values agree."""
_LARGEST = 20_000
"""The largest number of bits of an exact number."""
_ROUNDED_LARGEST = 800
"""The largest number of bits before the point of a rounded number. With more, too few would remain after it."""
_LARGEST_ARGUMENT = 10_000
"""The largest argument of factorials and functions."""
_LOCAL = threading.local()


UNDEFINED = (ArithmeticError, ValueError)
"""The exceptions of arithmetic if there is no value or the value is not accepted."""


class NoValue(ArithmeticError):
    """The value is undefined, too large, or would take too long."""


def mp() -> Any:
    """A separate context for this thread, because its precision is state."""
    here = getattr(_LOCAL, "context", None)
    if here is None:
        from mpmath import MPContext  # not needed for rational numbers

        here = _LOCAL.context = MPContext()
        here.prec = _BITS
    return here


def constant(name: str) -> Any:
    if name == "infty":
        raise NoValue("infinity is no number to calculate with")
    here = mp()
    return {"pi": lambda: +here.pi, "e": lambda: +here.e, "i": lambda: here.mpc(0, 1)}[name]()


def rounded(value: Any) -> Any:
    if not isinstance(value, Fraction | int):
        return value
    here = mp()
    value = Fraction(value)
    if _bits(value) > _ROUNDED_LARGEST * 2:
        raise NoValue("too large to be rounded")
    return here.mpf(value.numerator) / here.mpf(value.denominator)


def _bits(value: Fraction) -> int:
    return max(value.numerator.bit_length(), value.denominator.bit_length())


def _checked(value: Any) -> Any:
    if isinstance(value, Fraction):
        if _bits(value) > _LARGEST:
            raise NoValue("too many digits")
        return value
    here = mp()
    if not here.isfinite(value) or (value and abs(here.mag(value)) > _ROUNDED_LARGEST):
        raise NoValue("too large or too small")
    return value


def apply(name: str, *values: Any) -> Any:
    return _checked(OPERATIONS[name](*values))


def _with(operation: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def applied(a: Any, b: Any) -> Any:
        if isinstance(a, Fraction) and isinstance(b, Fraction):
            return operation(a, b)
        return operation(rounded(a), rounded(b))

    return applied


def over(a: Any, b: Any) -> Any:
    if is_zero(b):
        raise ZeroDivisionError
    return a / b if isinstance(a, Fraction) and isinstance(b, Fraction) else rounded(a) / rounded(b)


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
        return rounded(base) ** int(exponent)
    if isinstance(base, Fraction) and base > 0 and isinstance(exponent, Fraction) and exponent.denominator <= 64:
        root = _exact_root(base, exponent.denominator)
        if root is not None:
            return _power(root, Fraction(exponent.numerator))
    base, exponent = rounded(base), rounded(exponent)
    if is_zero(base):
        raise NoValue("no power of zero")
    here = mp()
    if abs(exponent * here.log(base)) > _ROUNDED_LARGEST:
        raise NoValue("too high a power")
    return here.power(base, exponent)


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
    if is_zero(value):
        return Fraction(0)
    if degree % 2 and is_real(value) and less(value, 0):
        return -_power(-value, 1 / degree)
    return _power(value, 1 / degree)


def _function(name: str) -> Callable[[Any], Any]:
    def applied(value: Any) -> Any:
        value = rounded(value)
        if abs(value) > _LARGEST_ARGUMENT and name not in ("ln", "log10"):
            raise NoValue("too large an argument")
        if name in ("ln", "log10") and value == 0:
            raise NoValue("no logarithm of zero")
        result = getattr(mp(), name)(value)
        return mp().mpf(0) if is_zero(result) else result

    return applied


def _factorial(value: Any) -> Any:
    if isinstance(value, Fraction) and value.denominator == 1 and 0 <= value <= 1000:
        product = 1
        for factor in range(2, int(value) + 1):
            product *= factor
        return Fraction(product)
    if not isinstance(value, Fraction) or abs(value) > 50 or value.denominator == 1:
        raise NoValue("no factorial")
    return mp().factorial(rounded(value))


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
        if not is_real(value):
            raise NoValue("no integer part")
        if isinstance(value, Fraction):
            return Fraction(value.__floor__() if name == "floor" else value.__ceil__())
        return Fraction(int(getattr(mp(), name)(mp().re(value))))

    return applied


OPERATIONS: dict[str, Callable[..., Any]] = {
    "group": lambda a: a,
    "neg": lambda a: -a,
    "add": _with(lambda a, b: a + b),
    "mul": _with(lambda a, b: a * b),
    "div": over,
    "frac": over,
    "pow": _power,
    "root": _root,
    "factorial": _factorial,
    "binom": _binomial,
    "abs": abs,
    "floor": _whole("floor"),
    "ceil": _whole("ceil"),
    "logbase": lambda a, base: over(apply("ln", a), apply("ln", base)),
    "lg": _function("log10"),
    "arcsin": _function("asin"),
    "arccos": _function("acos"),
    "arctan": _function("atan"),
    **{
        name: _function(name)
        for name in ("sin", "cos", "tan", "cot", "sec", "csc", "sinh", "cosh", "tanh", "ln", "exp")
    },
}
"""The operations of the names in a tree."""


def is_zero(value: Any) -> bool:
    if isinstance(value, Fraction):
        return value == 0
    return bool(abs(value) < mp().ldexp(1, -_AGREE))


def is_real(value: Any) -> bool:
    if isinstance(value, Fraction | int):
        return True
    here = mp()
    return bool(abs(here.im(value)) <= here.ldexp(1, -_AGREE) * max(1, abs(value)))


def less(a: Any, b: Any) -> bool:
    if isinstance(a, Fraction | int) and isinstance(b, Fraction | int):
        return a < b
    here = mp()
    return bool(here.re(rounded(a)) < here.re(rounded(b)))


def close(a: Any, b: Any) -> bool:
    if isinstance(a, Fraction) and isinstance(b, Fraction):
        return a == b
    here = mp()
    a, b = rounded(a), rounded(b)
    return bool(abs(a - b) <= here.ldexp(1, -_AGREE) * max(1, abs(a), abs(b)))
