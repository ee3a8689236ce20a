"""Training runs that fell apart: which they are, so that a mean with an interval does not hide them."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

FAR = 0.1
"""A drop in accuracy below which no run has collapsed."""
FAR_IN_ERRORS = 5.0
"""The same in standard errors of a run's accuracy, which is more where a test has few samples."""
IN_DEVIATIONS = 0.6745
"""A normal distribution's median absolute deviation, in standard deviations."""
OUTLIER = 3.5
"""Robust standard deviations from the median beyond which a run is an outlier (Iglewicz and Hoaglin 1993)."""


def collapsed(ends: ArrayLike, starts: ArrayLike, samples: int) -> NDArray[np.bool_]:
    """[..., runs] whether each has collapsed: what it could do before training is lost.

    It ends below its own start, and far below either that start or the median of its objective's runs, of which it then
    is an outlier. Far is ten points, or five standard errors of a run's accuracy if that is more: among runs that are
    nearly alike, one that is a little worse has not collapsed. An outlier is 3.5 robust standard deviations below the
    median, by the median absolute deviation, which less than half of the runs cannot move far. Runs that all collapse
    are found by their starts. A run that learns less than others and loses nothing has not collapsed.

    Args:
        ends: [..., runs] accuracies after training, of one objective.
        starts: [..., runs] accuracies of the same runs before.
        samples: of each of these accuracies.
    """
    after, before = np.asarray(ends, dtype=np.float64), np.asarray(starts, dtype=np.float64)
    if not after.ndim or after.shape != before.shape or not after.size or samples < 1:
        raise ValueError(f"need an end and a start of each run, not {after.shape} and {before.shape}")
    median = np.median(after, axis=-1, keepdims=True)
    scatter = np.median(np.abs(after - median), axis=-1, keepdims=True) / IN_DEVIATIONS
    lost = before - after > _far(before, samples)
    outlier = median - after > np.maximum(_far(median, samples), OUTLIER * scatter)
    return np.asarray((after < before) & (lost | outlier), dtype=np.bool_)


def _far(level: NDArray[np.float64], samples: int) -> NDArray[np.float64]:
    """A drop from this accuracy that is no chance."""
    return np.maximum(FAR, FAR_IN_ERRORS * (level * (1 - level) / samples) ** 0.5)
