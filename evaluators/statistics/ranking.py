"""From the test results of all objectives to what may be said of them: the whole procedure, in one place."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TypeVar

import networkx
import numpy as np
from numpy.typing import ArrayLike, NDArray

from evaluators.statistics.estimates import Estimate, holm, paired_difference, probability_of_improvement

K = TypeVar("K")
LEVEL = 0.05
"""Of all tests: the probability that any of a table's differences is claimed where there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """One objective's test results."""

    name: str
    seeds: tuple[int, ...]
    shares: NDArray[np.float64]
    """[seeds, problems] share of correct samples; problems in the same order for all objectives."""

    def of(self, seeds: Sequence[int]) -> NDArray[np.float64]:
        """[seeds, problems] of these seeds alone."""
        return self.shares[[self.seeds.index(seed) for seed in seeds]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """An objective against the baseline, over the seeds that both have; tests need two or more."""

    difference: Estimate
    p: float | None
    p_holm: float | None
    """Corrected for all comparisons with the baseline; so is ``equivalent_p``."""
    equivalent_p: float | None
    """Of two one-sided tests that they differ by less than the margin."""
    improvement: float
    """Probability that a run beats a run of the baseline."""
    detectable: float | None
    """Gap that these seeds would have shown with probability 0.8, at the strictest level that the correction asks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Who is told apart from whom, by Holm's correction over all pairs."""

    ranks: dict[str, tuple[int, int]]
    """The best and the worst rank that each may have."""
    ties: list[tuple[str, ...]]
    """The largest groups of which no two are told apart; a name may be in several."""


def difference(a: Scores, b: Scores) -> Estimate | None:
    """``a`` minus ``b``, paired by seed and problem; None without a common seed."""
    common = [seed for seed in a.seeds if seed in b.seeds]
    return paired_difference(a.of(common), b.of(common)) if common else None


def against(baseline: Scores, others: Sequence[Scores], margin: float) -> dict[str, Comparison]:
    """Each of ``others`` against the baseline. ``margin``: a difference that nobody would mind, as a share."""
    found = {other.name: estimate for other in others if (estimate := difference(other, baseline))}
    p = {name: estimate.p_value() for name, estimate in found.items()}
    same = {name: estimate.equivalence(margin) for name, estimate in found.items()}
    p_holm, same_holm = _corrected(p), _corrected(same)
    tests = max(1, sum(value is not None for value in p.values()))
    return {
        other.name: Comparison(
            difference=found[other.name],
            p=p[other.name],
            p_holm=p_holm[other.name],
            equivalent_p=same_holm[other.name],
            improvement=probability_of_improvement(other.shares.mean(axis=1), baseline.shares.mean(axis=1)),
            detectable=found[other.name].detectable(level=LEVEL / tests),
        )
        for other in others
        if other.name in found
    }


def standing(scores: Sequence[Scores]) -> Standing:
    """Of these objectives, best mean first."""
    names = [one.name for one in scores]
    pairs = dict(zip(combinations(range(len(names)), 2), combinations(scores, 2), strict=True))
    estimates = {pair: difference(*both) for pair, both in pairs.items()}
    corrected = _corrected({pair: estimate.p_value() if estimate else None for pair, estimate in estimates.items()})
    apart = np.zeros((len(names), len(names)), dtype=bool)
    for (i, j), p in corrected.items():
        apart[i, j] = apart[j, i] = p is not None and p < LEVEL
    return Standing(ranks=dict(zip(names, ranks(apart), strict=True)), ties=tie_groups(names, apart))


def tie_groups(names: Sequence[str], apart: ArrayLike) -> list[tuple[str, ...]]:
    """The largest groups of which no two are told apart; a name may be in several.

    Args:
        names: best first, which is the order within and of the groups.
        apart: [names, names] bool, symmetric: these two differ.
    """
    different = np.asarray(apart, dtype=bool)
    if different.shape != (len(names), len(names)) or (different != different.T).any():
        raise ValueError(f"need a symmetric array over {len(names)} names, not shape {different.shape}")
    graph = networkx.from_numpy_array(~different & ~np.eye(len(names), dtype=bool))
    groups = sorted(sorted(clique) for clique in networkx.find_cliques(graph))
    return [tuple(names[i] for i in group) for group in groups]


def ranks(apart: ArrayLike) -> list[tuple[int, int]]:
    """The best and the worst rank that each may have. ``apart``: as in :func:`tie_groups`, best first."""
    different = np.asarray(apart, dtype=bool)
    number = len(different)
    better = [int(different[i, :i].sum()) for i in range(number)]
    worse = [int(different[i, i + 1 :].sum()) for i in range(number)]
    return [(1 + above, number - below) for above, below in zip(better, worse, strict=True)]


def _corrected(p_values: dict[K, float | None]) -> dict[K, float | None]:
    known = {key: p for key, p in p_values.items() if p is not None}
    corrected = dict(zip(known, holm(list(known.values())).tolist(), strict=True))
    return {key: corrected.get(key) for key in p_values}
