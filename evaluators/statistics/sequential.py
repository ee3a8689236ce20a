"""A test that is repeated as seeds are added, so that all its looks together err no more often than one test.

The level is spent over the looks as Lan and DeMets (1983) do after O'Brien and Fleming (1979): at a fraction ``t`` of
the most seeds each side has spent ``2 - 2 Phi(z / sqrt(t))`` of its half, next to nothing at the first looks. A look
rejects where its p-value is below what it adds to that (Bonferroni over the looks), so that nothing is assumed of how
the looks depend on each other: not with a t-test of three seeds, with failed seeds, nor with problems that all looks
share. The usual recursion over a normal sum of independent seeds would leave 4.8 % for the last of five looks, where
this leaves 4.2 %, and errs by simulation in 5.1 % where it says 5.

The smallest level at which any look so far would have rejected is itself a p-value (Liu and Anderson 2008), valid
whenever one stops, for whatever reason. So Holm's correction over several comparisons takes it as any other, and each
of them may stop at another look.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

FEWEST = 3
"""Seeds at the first look: with fewer, the paired test's own level does not hold."""
LEAST, MOST = 1e-9, 0.5
"""Levels between which a p-value over the looks is told. Above, what a look adds no longer rises with the level."""
LEVELS = 2000
"""Of the table between them, by which a p-value becomes a level."""


@dataclass(frozen=True)
class Looks:
    """After how many seeds one looks; the last is the most there will be.

    Raises:
        ValueError: they do not rise, or the first has too few seeds.
    """

    seeds: tuple[int, ...]

    def __post_init__(self) -> None:
        if not self.seeds or min(self.seeds) < FEWEST or any(np.diff(self.seeds) <= 0):
            given = ",".join(map(str, self.seeds))
            raise ValueError(f"looks must rise from {FEWEST} seeds or more, such as 3,5,8,12,20; not {given or 'none'}")

    def spent(self, level: float) -> NDArray[np.float64]:
        """[looks] what of ``level`` has been spent at each."""
        return _spent(self.seeds, np.array(level))

    def bounds(self, level: float) -> NDArray[np.float64]:
        """[looks] the p-value below which each rejects, where all of them together err with probability ``level``."""
        return np.diff(self.spent(level), prepend=0.0)

    def overall(self, p: ArrayLike, look: int) -> NDArray[np.float64]:
        """p-values of the look numbered ``look`` from 0, as p-values of all looks; 1 where above ``MOST``."""
        levels, bounds = _table(self.seeds)
        found = np.asarray(p, dtype=np.float64)
        at = np.log(np.maximum(found, np.finfo(np.float64).tiny))
        inside = np.exp(np.interp(at, np.log(bounds[:, look]), np.log(levels)))
        return np.where(found > bounds[-1, look], 1.0, inside)


def _spent(seeds: tuple[int, ...], levels: NDArray[np.float64]) -> NDArray[np.float64]:
    fractions = np.array(seeds) / seeds[-1]
    return np.asarray(4 * stats.norm.sf(stats.norm.isf(levels[..., None] / 4) / np.sqrt(fractions)), dtype=np.float64)


@cache
def _table(seeds: tuple[int, ...]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """[levels], and [levels, looks] the bounds at each, both rising."""
    levels = np.geomspace(LEAST, MOST, LEVELS)
    bounds = np.diff(_spent(seeds, levels), prepend=0.0, axis=-1)
    return levels, np.maximum(bounds, np.finfo(np.float64).tiny)
