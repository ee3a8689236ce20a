"""Comparisons with the baseline, ranks and ties from the test results of all objectives."""

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
"""The level of a family of tests: the probability that it claims any difference that does not exist."""
DETECTABLE_FROM = 5
"""The smallest number of common seeds for which the detectable difference is reported. Below, it is too uncertain."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """The test results of one objective."""

    name: str
    seeds: tuple[int, ...]
    shares: NDArray[np.float64]
    """[seeds, problems] share of correct samples; problems in the same order for all objectives."""

    def of(self, seeds: Sequence[int]) -> NDArray[np.float64]:
        """[seeds, problems] the shares of these seeds."""
        return self.shares[[self.seeds.index(seed) for seed in seeds]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The comparison of an objective with the baseline on common seeds. Tests need at least two."""

    difference: Estimate
    p: float | None
    p_holm: float | None
    """The p-value corrected for all comparisons with the baseline, like ``equivalent_p``."""
    equivalent_p: float | None
    """The p-value of two one-sided tests; if it is small, they differ by less than the margin."""
    improvement: float
    """The probability that a run beats a run of the baseline."""
    detectable: float | None
    """The difference that these seeds detect with probability 0.8, at the strictest level of the correction.

    None below five seeds, and if they would not detect any difference.
    """
    improvement_interval: Span | None = None
    """The interval for other seeds on the same problems; None below three runs of either side."""
    equivalence_seeds: int | None = None
    """The number of seeds that shows the equivalence of two equal arms with probability 0.8, at the same level.

    None below five seeds, and if more problems are needed instead.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The significant differences between all pairs, with Holm's correction."""

    ranks: dict[str, tuple[int, int]]
    """The best and the worst possible rank of each objective."""
    ties: list[tuple[str, ...]]
    """The largest groups without a significant difference; a name may be in several."""


def difference(a: Scores, b: Scores) -> Estimate | None:
    """The difference ``a - b``, paired by seed and problem; None without a common seed."""
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
    """Compare each of ``others`` with the baseline.

    Args:
        margin: the margin of equivalence, as a share.
        tests: the number of tests in the family, for the detectable difference; None for the tests made here.
        equivalences: the same for tests of equivalence.
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
    """The probability that a run of the one beats a run of the other. A tie counts half."""
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
"""The names of two objectives."""


def pairs(scores: Sequence[Scores]) -> dict[Pair, float | None]:
    """The uncorrected p-value of no difference for every pair; None if there is no test."""
    found = {frozenset((a.name, b.name)): difference(a, b) for a, b in combinations(scores, 2)}
    return {pair: estimate.p_value() if estimate else None for pair, estimate in found.items()}


def standing(scores: Sequence[Scores], known: Mapping[Pair, float | None] | None = None) -> Standing:
    """The standing of these objectives, best mean first.

    ``known``: the p-values of all pairs if they were corrected in a larger family; None to correct them here.
    """
    names = [one.name for one in scores]
    found = corrected(pairs(scores)) if known is None else known
    apart = np.zeros((len(names), len(names)), dtype=bool)
    for i, j in combinations(range(len(names)), 2):
        p = found[frozenset((names[i], names[j]))]
        apart[i, j] = apart[j, i] = p is not None and p < LEVEL
    return Standing(ranks=dict(zip(names, ranks(apart), strict=True)), ties=tie_groups(names, apart))


def tie_groups(names: Sequence[str], apart: ArrayLike) -> list[tuple[str, ...]]:
    """The largest groups without a significant difference; a name may be in several.

    Args:
        names: sorted, best first. This is also the order of and within the groups.
        apart: [names, names] symmetric bool array, true for pairs that differ significantly.
    """
    different = np.asarray(apart, dtype=bool)
    if different.shape != (len(names), len(names)) or (different != different.T).any():
        raise ValueError(f"need a symmetric array over {len(names)} names, not shape {different.shape}")
    import networkx  # half a second, and only ties need it

    graph = networkx.from_numpy_array(~different & ~np.eye(len(names), dtype=bool))
    groups = sorted(sorted(clique) for clique in networkx.find_cliques(graph))
    return [tuple(names[i] for i in group) for group in groups]


def ranks(apart: ArrayLike) -> list[tuple[int, int]]:
    """The best and the worst possible rank of each. ``apart``: as in :func:`tie_groups`, best first."""
    different = np.asarray(apart, dtype=bool)
    number = len(different)
    better = [int(different[i, :i].sum()) for i in range(number)]
    worse = [int(different[i, i + 1 :].sum()) for i in range(number)]
    return [(1 + above, number - below) for above, below in zip(better, worse, strict=True)]


def corrected(p_values: Mapping[K, float | None]) -> dict[K, float | None]:
    """p-values with Holm's correction for their number; None stays None."""
    known = {key: p for key, p in p_values.items() if p is not None}
    made = dict(zip(known, holm(list(known.values())).tolist(), strict=True))
    return {key: made.get(key) for key in p_values}
