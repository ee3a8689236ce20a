"""Checks of an objective's fields and inputs. Each raises ValueError with one sentence."""

import math
from collections.abc import Sequence

from torch import Tensor


def finite(name: str, value: float) -> None:
    """Refuse a ``value`` that is not a finite number."""
    if not isinstance(value, int | float) or not -math.inf < value < math.inf:
        raise ValueError(f"{name} must be a finite number, not {value!r}")


def positive(name: str, value: float) -> None:
    """Refuse a ``value`` that is not a finite number above 0."""
    if not isinstance(value, int | float) or not 0 < value < math.inf:
        raise ValueError(f"{name} must be a positive, finite number, not {value!r}")


def not_negative(name: str, value: float) -> None:
    """Refuse a ``value`` that is not a finite number of at least 0."""
    if not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise ValueError(f"{name} must be a finite number of at least 0, not {value!r}")


def at_most_one(name: str, value: float) -> None:
    """Refuse a ``value`` that is not a number from 0 to 1."""
    if not isinstance(value, int | float) or not 0 <= value <= 1:
        raise ValueError(f"{name} must be a number from 0 to 1, not {value!r}")


def below_half(name: str, value: float) -> None:
    """Refuse a ``value`` that is not a number of at least 0 and below 0.5."""
    if not isinstance(value, int | float) or not 0 <= value < 0.5:
        raise ValueError(f"{name} must be a number of at least 0 and below 0.5, not {value!r}")


def one_of(name: str, value: object, options: Sequence[object]) -> None:
    """Refuse a ``value`` that is not one of the ``options``."""
    if value not in options:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, options))}, not {value!r}")


def present(name: str, tensor: Tensor | None) -> Tensor:
    """The tensor. Raises ValueError if the batch does not have it."""
    if tensor is None:
        raise ValueError(f"the objective requires {name}, but the batch does not have it")
    return tensor
