"""Problems on which two sides differ by more than the noise of their samples."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import false_discovery_control, fisher_exact


def beyond_noise(
    first: ArrayLike, first_samples: ArrayLike, second: ArrayLike, second_samples: ArrayLike
) -> NDArray[np.float64]:
    """[problems] p-value of no difference on a problem, by Fisher's exact test, corrected for the number of problems.

    The correction is that of Benjamini and Hochberg: of the problems with a value below 0.05, an expected share of at
    most 5 % is noise. Given the weights, the samples of a problem are independent. If the probabilities differ between
    the runs of a side, the pooled count has less variance than a binomial one, so the test is conservative.

    Args:
        first: [problems] number of correct samples of one side, out of ``first_samples`` each.
        second: the same of the other side.
    """
    tables = np.stack([np.asarray(column) for column in (first, first_samples, second, second_samples)], axis=1)
    if (tables[:, (0, 2)] > tables[:, (1, 3)]).any() or (tables < 0).any():
        raise ValueError("a problem has more correct samples than samples")
    if not len(tables):
        return np.empty(0)
    distinct, places = np.unique(tables, axis=0, return_inverse=True)
    p = np.array([fisher_exact([[a, m - a], [b, n - b]]).pvalue for a, m, b, n in distinct])
    return np.asarray(false_discovery_control(np.clip(p, 0.0, 1.0)[places.reshape(-1)], method="bh"))


def least_p(first_samples: int, second_samples: int) -> float:
    """The smallest possible p-value with these numbers of samples, before any correction."""
    return float(fisher_exact([[first_samples, 0], [0, second_samples]]).pvalue)
