"""From the test results of all objectives to what may be said of them: the whole procedure, in one place."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evaluators.statistics.estimates import (
    Estimate,
    MeanSquares,
    holm,
    paired,
    paired_difference,
    probability_of_improvement,
)
from evaluators.statistics.power import seeds_for_equivalence
from evaluators.statistics.proportions import Span, improvement_interval

K = TypeVar("K")
LEVEL = 0.05
"""Of a family of tests: the probability that any of its differences is claimed where there is none."""
DETECTABLE_FROM = 5
"""Common seeds from which an estimated error says what gap would have been found: below, it is too uncertain."""


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
    """Gap that these seeds would have shown with probability 0.8, at the strictest level that the correction asks.

    None below five seeds, and where they would have shown no gap at all.
    """
    improvement_interval: Span | None = None
    """For other seeds, on the same problems; None below three runs of either."""
    equivalence_seeds: int | None = None
    """Seeds with which two that are equal would be called equivalent with probability 0.8, at that same level.

    None below five seeds, and where it takes more problems instead.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Who is told apart from whom, by Holm's correction over all pairs."""

    ranks: dict[str, tuple[int, int]]
    """The best and the worst rank that each may have."""
    ties: list[tuple[str, ...]]
    """The largest groups of which no two are told apart; a name may be in several."""


def difference(a: Scores, b: Scores) -> Estimate | None:
    """``a`` minus ``b``, paired by seed and problem; None without a common seed."""
    common = common_seeds(a, b)
    return paired_difference(a.of(common), b.of(common)) if common else None


def common_seeds(a: Scores, b: Scores) -> list[int]:
    """Seeds that both have, in the order of the first."""
    return [seed for seed in a.seeds if seed in b.seeds]


def against(
    baseline: Scores,
    others: Sequence[Scores],
    margin: float,
    tests: int | None = None,
    equivalences: int | None = None,
) -> dict[str, Comparison]:
    """Each of ``others`` against the baseline.

    Args:
        margin: a difference that nobody would mind, as a share.
        tests: how many a correction counts, for what these seeds can show; None: those that are made here.
        equivalences: the same of tests of equivalence.
    """
    found = {other.name: estimate for other in others if (estimate := difference(other, baseline))}
    p = {name: estimate.p_value() for name, estimate in found.items()}
    same = {name: estimate.equivalence(margin) for name, estimate in found.items()}
    p_holm, same_holm = corrected(p), corrected(same)
    made = max(1, sum(value is not None for value in p.values()))
    level, same_level = LEVEL / (tests or made), LEVEL / (equivalences or made)
    return {
        other.name: Comparison(
            difference=found[other.name],
            p=p[other.name],
            p_holm=p_holm[other.name],
            equivalent_p=same_holm[other.name],
            improvement=(better := improvement(other, baseline)),
            detectable=_detectable(found[other.name], len(common_seeds(other, baseline)), level),
            improvement_interval=improvement_interval(better, len(other.seeds), len(baseline.seeds)),
            equivalence_seeds=_equivalence_seeds(other, baseline, margin, same_level),
        )
        for other in others
        if other.name in found
    }


def improvement(other: Scores, baseline: Scores) -> float:
    """How often a run of the one beats a run of the other, ties half."""
    return probability_of_improvement(other.shares.mean(axis=1), baseline.shares.mean(axis=1))


def _detectable(found: Estimate, seeds: int, level: float) -> float | None:
    gap = found.detectable(level=level) if seeds >= DETECTABLE_FROM else None
    return gap if gap is not None and gap <= 1 else None


def _equivalence_seeds(other: Scores, baseline: Scores, margin: float, level: float) -> int | None:
    common = common_seeds(other, baseline)
    if len(common) < DETECTABLE_FROM or other.shares.shape[1] == 1:
        return None
    return seeds_for_equivalence(MeanSquares.of(paired(other.of(common), baseline.of(common))), margin, level)


Pair = frozenset[str]
"""Two objectives by name."""


def pairs(scores: Sequence[Scores]) -> dict[Pair, float | None]:
    """The p-value of no difference of every two, not corrected; None where there is no test."""
    found = {frozenset((a.name, b.name)): difference(a, b) for a, b in combinations(scores, 2)}
    return {pair: estimate.p_value() if estimate else None for pair, estimate in found.items()}


def standing(scores: Sequence[Scores], known: Mapping[Pair, float | None] | None = None) -> Standing:
    """Of these objectives, best mean first.

    ``known``: the corrected p-values of all pairs, where they were corrected among others; None: among themselves.
    """
    names = [one.name for one in scores]
    found = corrected(pairs(scores)) if known is None else known
    apart = np.zeros((len(names), len(names)), dtype=bool)
    for i, j in combinations(range(len(names)), 2):
        p = found[frozenset((names[i], names[j]))]
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
    import networkx  # half a second, and only ties need it

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


def corrected(p_values: Mapping[K, float | None]) -> dict[K, float | None]:
    """By Holm, for as many as there are; None stays None."""
    known = {key: p for key, p in p_values.items() if p is not None}
    made = dict(zip(known, holm(list(known.values())).tolist(), strict=True))
    return {key: made.get(key) for key in p_values}
