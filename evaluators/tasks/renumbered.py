"""Word problems with other numbers, to find out whether a model solves them or remembers them."""

import ast
import copy
import operator
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from fractions import Fraction
from hashlib import sha256
from typing import NamedTuple

import numpy as np

NUMBER = re.compile(r"\d+")
TRIES = 5000
KEPT = (0, 1)
"""Numbers that stay, because other words in a text depend on them ("1 apple")."""
OPERATIONS: dict[type[ast.operator], Callable[[Fraction, Fraction], Fraction]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


class Renumbered(NamedTuple):
    """A question with other whole numbers."""

    question: str
    answer: int
    calculation: str
    """As people write it: see :func:`calculated`."""


def renumbered(question: str, equation: str) -> Renumbered | None:
    """The question with other whole numbers; None if none of the tries fits.

    Equal numbers stay equal, and smaller ones stay smaller. Each changes by at most half, or by two if that is more.
    The new answer is another positive whole number. The same question always gives the same result.

    Args:
        question: a text with whole numbers.
        equation: the calculation of its answer, such as ``( 290.0 / 2.0 )``.

    Raises:
        ValueError: the equation is not a calculation with ``+ - * /``.
    """
    tree = ast.parse(equation.strip(), mode="eval").body
    numbers = sorted({int(text) for text in NUMBER.findall(question)} - set(KEPT))
    before = _value(tree)
    rng = np.random.default_rng(int.from_bytes(sha256(question.encode()).digest()[:8], "big"))
    for _ in range(TRIES if numbers else 0):
        drawn = [int(rng.integers(max(2, -(-old // 2)), old + max(2, old // 2) + 1)) for old in numbers]
        new = dict(zip(numbers, drawn, strict=True))
        if sorted(set(drawn)) != drawn or any(old == value for old, value in new.items()):
            continue
        changed = _with(tree, new)
        with suppress(ZeroDivisionError):
            answer = _value(changed)
            if answer.denominator == 1 and answer > 0 and answer != before:
                return Renumbered(_rewritten(question, new), int(answer), ast.unparse(changed))
    return None


def calculated(equation: str) -> tuple[str, Fraction]:
    """The calculation as people write it, such as ``290 / 2`` for ``( 290.0 / 2.0 )``, and its value.

    Raises:
        ValueError: the equation is not a calculation with ``+ - * /``.
    """
    tree = _with(ast.parse(equation.strip(), mode="eval").body, {})
    value = _value(tree)
    return ast.unparse(tree), value


def _rewritten(question: str, new: Mapping[int, int]) -> str:
    return NUMBER.sub(lambda found: str(new.get(int(found[0]), found[0])), question)


def _with(tree: ast.expr, new: Mapping[int, int]) -> ast.expr:
    """A calculation with these numbers in place of the old ones, and with 290 in place of 290.0."""
    changed = copy.deepcopy(tree)
    for node in ast.walk(changed):
        if isinstance(node, ast.Constant) and isinstance(node.value, int | float) and node.value % 1 == 0:
            node.value = new.get(int(node.value), int(node.value))
    return changed


def _value(node: ast.expr) -> Fraction:
    match node:
        case ast.Constant(value=int() | float() as value):
            return Fraction(value)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in OPERATIONS:
            return OPERATIONS[type(op)](_value(left), _value(right))
    raise ValueError(f"{ast.unparse(node)} is not a calculation with + - * /")
