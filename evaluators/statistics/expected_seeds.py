"""How many seeds it takes until it is decided, by simulation: what an invocation costs on average."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from evaluators.statistics.decisions import Decisions
from evaluators.statistics.sequential import Looks

BOARDS = 4000
"""Simulated for an average."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Simulated:
    """What came of boards: all arrays are [arms, boards]."""

    seeds: NDArray[np.int64]
    """That each arm took."""
    sign: NDArray[np.float64]
    """Of its difference at its last look."""
    decisions: Decisions

    @property
    def different(self) -> NDArray[np.bool_]:
        """Decided to be better or worse."""
        return ~self.decisions.open & ~self.decisions.equivalent


def simulate(looks: Looks, differences: NDArray[np.float64], margin: float) -> Simulated:
    """Boards whose arms stop as they are decided, by t-tests over seeds.

    Args:
        differences: [most seeds, arms, boards] of an arm to the baseline, seed by seed.
        margin: within which they are equivalent, in the same unit.
    """
    shape = differences.shape[1:]
    decisions = Decisions(looks, shape)
    seeds, sign = np.zeros(shape, dtype=np.int64), np.zeros(shape)
    for number, there in enumerate(looks.seeds):
        going = decisions.open.copy()
        mean = differences[:there].mean(axis=0)
        error = differences[:there].std(axis=0, ddof=1) / there**0.5
        differing = 2 * stats.t.sf(np.abs(mean) / error, df=there - 1)
        decisions.look(number, differing, stats.t.sf((margin - np.abs(mean)) / error, df=there - 1))
        seeds[going] = there
        sign[going] = np.sign(mean)[going]
    return Simulated(seeds=seeds, sign=sign, decisions=decisions)


@dataclass(frozen=True, kw_only=True, slots=True)
class Expected:
    """Means over boards."""

    arm: float
    """Seeds of an arm."""
    baseline: float
    """Seeds of the baseline: those of the arm that takes the most."""
    decided: float
    """Share of the arms that are decided at all."""


def expected(looks: Looks, arms: int, *, gap: float, spread: float, margin: float, seed: int = 0) -> Expected:
    """Where each of ``arms`` differs from the baseline by ``gap``, and that difference by ``spread`` between seeds.

    Args:
        spread: the standard deviation over seeds of the paired difference; ``gap`` and ``margin`` in the same unit.
        seed: of the simulation; normal differences, half of each arm's noise being the baseline's.
    """
    if spread <= 0:
        raise ValueError(f"a spread must be positive, not {spread}")
    rng = np.random.default_rng(seed)
    own, shared = (rng.normal(size=(looks.seeds[-1], count, BOARDS)) for count in (arms, 1))
    found = simulate(looks, gap + spread * (own - shared) / 2**0.5, margin)
    return Expected(
        arm=float(found.seeds.mean()),
        baseline=float(found.seeds.max(axis=0).mean()),
        decided=float(1 - found.decisions.open.mean()),
    )
