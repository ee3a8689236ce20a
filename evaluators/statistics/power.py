"""The number of seeds that is needed to show equivalence."""

from dataclasses import replace

from scipy import special

from evaluators.statistics.estimates import MeanSquares

POWER = 0.8
MOST = 1000
"""The largest number of seeds that is considered."""


def seeds_for_equivalence(found: MeanSquares, margin: float, level: float = 0.05) -> int | None:
    """The number of seeds that shows the equivalence of two equal arms with probability 0.8.

    The tests are those of :meth:`Estimate.equivalence`, with the variances of seeds and problems of ``found``, the mean
    squares of a paired difference. None if a thousand seeds do not suffice, so more problems are needed.

    Args:
        margin: the margin of equivalence, as a share.
        level: the level of the test.
    """
    low, high = 1, 2
    while not _suffices(found.with_seeds(high), margin, level):
        low, high = high, 2 * high
        if low >= MOST:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _suffices(found.with_seeds(middle), margin, level) else (middle, high)
    return high if high <= MOST else None


def of_pairs(deviation: float) -> MeanSquares:
    """Mean squares of paired runs whose differences have this standard deviation, with infinitely many problems."""
    problems = 10**9
    return MeanSquares(
        mean=0.0, seeds=2, problems=problems, of_seeds=problems * deviation**2, of_problems=0.0, of_cells=0.0
    )


def _suffices(found: MeanSquares, margin: float, level: float) -> bool:
    estimate = replace(found, mean=0.0).estimate()
    if not estimate.error:
        return True
    room = margin / estimate.error - float(special.stdtrit(estimate.df, 1 - level))
    return float(2 * special.ndtr(room) - 1) >= POWER
