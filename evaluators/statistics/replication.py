"""The replication of a published difference on new seeds: its outcome, and the probability of success."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import stats

from evaluators.statistics.estimates import Estimate
from evaluators.statistics.ranking import LEVEL, Scores, common_seeds, difference

Verdict = Literal["better", "worse", "equivalent"]
Outcome = Literal["replicated", "not replicated", "undecided"]
NODES = 100
"""The number of quantiles for each of two means: over the true difference, and over the estimate of the new error."""
TINY = 1e-12


@dataclass(frozen=True, kw_only=True, slots=True)
class Published:
    """A published difference, computed from its runs."""

    estimate: Estimate
    of_seed: float
    """Standard deviation of the paired difference from seed to seed, on the same problems."""
    seeds: int
    problems: int

    @classmethod
    def of(cls, ours: Scores, theirs: Scores) -> "Published | None":
        """The difference of two arms; None if they have fewer than two seeds in common, which show no variation."""
        common = common_seeds(ours, theirs)
        estimate = difference(ours, theirs)
        if estimate is None or estimate.error is None:
            return None
        by_seed = (ours.of(common) - theirs.of(common)).mean(axis=1)
        return cls(
            estimate=estimate,
            of_seed=float(by_seed.std(ddof=1)),
            seeds=len(common),
            problems=ours.shares.shape[1],
        )

    def next_error(self, seeds: int) -> tuple[float, float]:
        """The standard error of the test on ``seeds`` new seeds, and its degrees of freedom.

        The part that comes from the seeds shrinks with their number. The part of the problems stays, because the
        problems are the same.
        """
        of_seeds = self.of_seed**2 / seeds
        of_problems = max(0.0, (self.estimate.error or 0.0) ** 2 - self.of_seed**2 / self.seeds)
        total = of_seeds + of_problems
        share = of_seeds / total if total else 1.0
        rest = (1 - share) / (self.problems - 1) if self.problems > 1 else 0.0
        return total**0.5, 1 / (share / (seeds - 1) + rest)


def should_replicate(verdict: Verdict, published: Published, seeds: int, margin: float) -> float:
    """The probability that ``seeds`` new seeds replicate the verdict, given the published runs.

    This is the power of the test, averaged over the true difference. That is ``d + T s / sqrt(n)``, where ``d`` is the
    published difference of ``n`` seeds, ``s`` its standard deviation over seeds, and ``T`` has Student's t-distribution
    with ``n - 1`` degrees of freedom. The mean of ``m`` new seeds deviates from it by ``s / sqrt(m)``, because the
    problems are the same. The t-test, or the two one-sided tests, use the standard error ``sqrt(s^2 / m + p^2)``, where
    ``p^2`` is the part of the squared published error beyond ``s^2 / n``, which comes from the problems.

    Large differences are more likely to be published. This is not corrected for, so the true probability is somewhat
    lower.
    """
    error, df = published.next_error(seeds)
    quantiles = (np.arange(NODES) + 0.5) / NODES
    measured = np.sqrt(stats.chi2.ppf(quantiles, df=df) / df)[:, None]  # the estimated error in units of the true one
    spread = published.of_seed / published.seeds**0.5
    true = published.estimate.mean + spread * stats.t.ppf(quantiles, df=published.seeds - 1)
    if not error:
        held = np.abs(true) < margin if verdict == "equivalent" else true > 0 if verdict == "better" else true < 0
        return float(held.mean())
    scatter = max(published.of_seed / seeds**0.5, TINY)
    if verdict == "equivalent":
        within = margin - stats.t.isf(LEVEL, df=df) * error * measured
        found = stats.norm.cdf((within - true) / scatter) - stats.norm.cdf((-within - true) / scatter)
        return float(np.maximum(0, found).mean())
    signed = true if verdict == "better" else -true
    return float(stats.norm.cdf((signed - stats.t.isf(LEVEL / 2, df=df) * error * measured) / scatter).mean())


def outcome(verdict: Verdict, published: Published, new: Estimate, seeds: int, margin: float) -> tuple[Outcome, str]:
    """The outcome of a published verdict on ``seeds`` new seeds, tested at 5 %, and the reason if they contradict it.

    A difference is replicated if the new interval excludes zero on the same side. An equivalence is replicated if the
    two one-sided tests show it again. Otherwise the outcome is "not replicated" if the new seeds contradict the
    verdict, and "undecided" if they do not.
    """
    interval = new.interval(1 - LEVEL)
    if interval is None:
        return "undecided", ""
    low, high = interval
    alike = (new.equivalence(margin) or 0.0) < LEVEL
    if verdict == "equivalent":
        if alike:
            return "replicated", ""
        outside = low > margin or high < -margin
        return ("not replicated", "they differ by more than the margin") if outside else ("undecided", "")
    sign = 1 if verdict == "better" else -1
    if low > 0 or high < 0:
        same = (low > 0) == (sign > 0)
        return ("replicated", "") if same else ("not replicated", "the difference has the opposite sign")
    if alike:
        return "not replicated", "they are equivalent within the margin"
    spread = published.of_seed * (1 / published.seeds + 1 / seeds) ** 0.5
    farthest = published.estimate.mean - sign * stats.t.isf(LEVEL / 2, df=published.seeds - 1) * spread
    smaller = sign * new.mean < sign * farthest
    return ("not replicated", "significantly smaller than published") if smaller else ("undecided", "")
