"""Detection of collapsed training runs, which a mean with an interval would hide."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

FAR = 0.1
"""The smallest drop in accuracy of a collapsed run."""
FAR_IN_ERRORS = 5.0
"""The same in standard errors of a run's accuracy. This is larger if a test has few samples."""
IN_DEVIATIONS = 0.6745
"""The median absolute deviation of a normal distribution, in standard deviations."""
OUTLIER = 3.5
"""Robust standard deviations from the median beyond which a run is an outlier (Iglewicz and Hoaglin 1993)."""


def collapsed(ends: ArrayLike, starts: ArrayLike, samples: int) -> NDArray[np.bool_]:
    """[..., runs] whether each run has collapsed, so that it lost what the model could do before training.

    A collapsed run ends below its own start. It also ends far below that start, or is an outlier far below the median
    of its objective's runs. Far means ten points, or five standard errors of a run's accuracy if these are larger. So
    if the runs are nearly equal, a run that is a little worse has not collapsed. An outlier is 3.5 robust standard
    deviations below the median. These are computed from the median absolute deviation, which is hardly affected by
    less than half of the runs. If all runs collapse, they are detected by their starts. A run that learns less than
    others but does not lose accuracy has not collapsed.

    Args:
        ends: [..., runs] accuracies after training, of one objective.
        starts: [..., runs] accuracies of the same runs before.
        samples: the number of samples of each accuracy.
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
    """The smallest drop from this accuracy that counts as far."""
    return np.maximum(FAR, FAR_IN_ERRORS * (level * (1 - level) / samples) ** 0.5)
