"""A published difference on new seeds: what came of it, and how often it should have come out again."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import stats

from evaluators.statistics.estimates import Estimate
from evaluators.statistics.ranking import LEVEL, Scores, common_seeds, difference

Verdict = Literal["better", "worse", "equivalent"]
Outcome = Literal["replicated", "not replicated", "undecided"]
NODES = 100
"""Of the mean over what the true difference may be, and of that over how large the new error is found."""
TINY = 1e-12


@dataclass(frozen=True, kw_only=True, slots=True)
class Published:
    """A published difference, as its runs tell it."""

    estimate: Estimate
    of_seed: float
    """Standard deviation of the paired difference from seed to seed, on the same problems."""
    seeds: int
    problems: int

    @classmethod
    def of(cls, ours: Scores, theirs: Scores) -> "Published | None":
        """None where fewer than two seeds are common: they say nothing of the spread."""
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
        """The standard error that the test of so many new seeds will have, and its degrees of freedom.

        The part of the seeds shrinks with their number; that of the problems stays, as they are the same.
        """
        of_seeds = self.of_seed**2 / seeds
        of_problems = max(0.0, (self.estimate.error or 0.0) ** 2 - self.of_seed**2 / self.seeds)
        total = of_seeds + of_problems
        share = of_seeds / total if total else 1.0
        rest = (1 - share) / (self.problems - 1) if self.problems > 1 else 0.0
        return total**0.5, 1 / (share / (seeds - 1) + rest)


def should_replicate(verdict: Verdict, published: Published, seeds: int, margin: float) -> float:
    """The probability that ``seeds`` new ones replicate the verdict, given what was published and how certainly.

    The mean, over what the true difference may be, of the power of the test: the true one is ``d + T s / sqrt(n)``
    with the published difference ``d`` of ``n`` seeds, their spread ``s``, and Student's ``T`` with ``n - 1`` degrees
    of freedom. The mean of ``m`` new seeds scatters about it by ``s / sqrt(m)``, as the problems are the same; a
    t-test, or two one-sided ones, holds it to the error ``sqrt(s^2 / m + p^2)``, where ``p^2`` is what the published
    error has beyond ``s^2 / n``, from the problems. That a verdict was published because its difference happened to be
    large is not corrected for, so that the true share is rather less.
    """
    error, df = published.next_error(seeds)
    quantiles = (np.arange(NODES) + 0.5) / NODES
    measured = np.sqrt(stats.chi2.ppf(quantiles, df=df) / df)[:, None]  # the error as found, in units of the true one
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
    """What ``seeds`` new ones say of a published verdict by themselves, at 5 % each; and why, if they contradict it.

    A difference is replicated where the new interval leaves zero out on the same side, an equivalence where the two
    one-sided tests find it again. Neither, and the verdict is contradicted: not replicated. Else undecided.
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
        return ("replicated", "") if same else ("not replicated", "the difference is the other way round")
    if alike:
        return "not replicated", "they are equivalent within the margin"
    spread = published.of_seed * (1 / published.seeds + 1 / seeds) ** 0.5
    farthest = published.estimate.mean - sign * stats.t.isf(LEVEL / 2, df=published.seeds - 1) * spread
    smaller = sign * new.mean < sign * farthest
    return ("not replicated", "smaller than published by more than chance") if smaller else ("undecided", "")
