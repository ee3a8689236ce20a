"""How many seeds a claim takes."""

from dataclasses import replace

from scipy import special

from evaluators.statistics.estimates import MeanSquares

POWER = 0.8
MOST = 1000
"""Seeds beyond which the answer is that seeds do not help."""


def seeds_for_equivalence(found: MeanSquares, margin: float, level: float = 0.05) -> int | None:
    """Seeds with which two that are equal would be called equivalent with probability 0.8.

    By two one-sided tests, as :meth:`Estimate.equivalence`, if seeds and problems scatter as in ``found``, the mean
    squares of a paired difference. None: no number of seeds up to a thousand suffices, so that it takes more problems.

    Args:
        margin: a difference that nobody would mind, as a share.
        level: of the test.
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
    """Mean squares of paired runs whose differences scatter by ``deviation``, on problems without end."""
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
