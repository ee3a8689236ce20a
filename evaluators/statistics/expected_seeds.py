"""The expected number of seeds until a decision, by simulation."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from evaluators.statistics.decisions import Decisions
from evaluators.statistics.sequential import Looks

BOARDS = 4000
"""The number of simulated boards for an average."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Simulated:
    """The results of simulated boards. All arrays are [arms, boards]."""

    seeds: NDArray[np.int64]
    """The number of seeds of each arm."""
    sign: NDArray[np.float64]
    """The sign of its difference at its last look."""
    decisions: Decisions

    @property
    def different(self) -> NDArray[np.bool_]:
        """Whether it was decided as better or worse."""
        return ~self.decisions.open & ~self.decisions.equivalent


def simulate(looks: Looks, differences: NDArray[np.float64], margin: float) -> Simulated:
    """Simulate boards in which each arm stops when it is decided, by t-tests over seeds.

    Args:
        differences: [most seeds, arms, boards] differences of each arm to the baseline for each seed.
        margin: the margin of equivalence, in the same unit.
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
    """Seeds of the baseline, which are those of the arm with the most seeds."""
    decided: float
    """The share of the arms that are decided."""


def expected(looks: Looks, arms: int, *, gap: float, spread: float, margin: float, seed: int = 0) -> Expected:
    """Means over boards if each of ``arms`` differs from the baseline by ``gap``, with deviation ``spread``.

    Args:
        spread: the standard deviation over seeds of the paired difference; ``gap`` and ``margin`` in the same unit.
        seed: of the simulation. Differences are normal, and the baseline contributes half of each arm's noise.
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
