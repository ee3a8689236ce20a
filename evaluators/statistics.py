"""Intervals over seeds. Pure functions of arrays.

Seeds are the unit of replication: a bootstrap over them is too narrow at few seeds, a t-interval is not.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A mean and its confidence bounds; ``None`` with a single seed, which says nothing of the spread."""

    mean: float
    low: float | None
    high: float | None


def t_interval(values: ArrayLike, confidence: float = 0.95) -> Interval:
    """Student's t-interval of the mean.

    Args:
        values: [seeds], one finite number of each.
        confidence: probability that the interval covers the true mean.
    """
    sample = _finite(values, dimensions=1)
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie between 0 and 1, not {confidence}")
    mean = float(sample.mean())
    if len(sample) == 1:
        return Interval(mean=mean, low=None, high=None)
    error = float(sample.std(ddof=1)) / len(sample) ** 0.5
    half = float(stats.t.ppf((1 + confidence) / 2, df=len(sample) - 1)) * error
    return Interval(mean=mean, low=mean - half, high=mean + half)


def paired_difference(a: ArrayLike, b: ArrayLike, confidence: float = 0.95) -> Interval:
    """How much better ``a`` is than ``b``: t-interval over seeds of the mean difference over problems.

    Args:
        a: [seeds, problems] accuracies of one objective.
        b: [seeds, problems] of another, same seeds and same problems in the same order.
        confidence: probability that the interval covers the true difference.
    """
    first, second = _finite(a, dimensions=2), _finite(b, dimensions=2)
    if first.shape != second.shape:
        raise ValueError(f"pairs need the same seeds and problems, not {first.shape} and {second.shape}")
    return t_interval((first - second).mean(axis=1), confidence)


def _finite(values: ArrayLike, *, dimensions: int) -> NDArray[np.float64]:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != dimensions or array.size == 0:
        raise ValueError(f"need a non-empty array of {dimensions} dimensions, not shape {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError("need finite numbers; leave failed seeds out and count them")
    return array
