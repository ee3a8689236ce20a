"""A mean with its 95 % interval, as in reports."""

from dataclasses import dataclass

from numpy.typing import ArrayLike

from evaluators.statistics.estimates import Estimate
from evaluators.statistics.proportions import over_problems, over_seeds_and_problems
from evaluators.statistics.ranking import LEVEL, Comparison


@dataclass(frozen=True, kw_only=True, slots=True)
class Interval:
    """A mean with its interval. The ends are None if there is only one seed."""

    mean: float
    low: float | None
    high: float | None

    @classmethod
    def of(cls, estimate: Estimate) -> "Interval":
        low, high = estimate.interval() or (None, None)
        return cls(mean=estimate.mean, low=low, high=high)

    @classmethod
    def over_problems(cls, shares: ArrayLike) -> "Interval":
        """The interval over problems. ``shares``: [problems] the share of correct samples of each."""
        mean, low, high = over_problems(shares)
        return cls(mean=mean, low=low, high=high)

    @classmethod
    def over_seeds_and_problems(cls, shares: ArrayLike) -> "Interval":
        """The interval over seeds and problems. ``shares``: [seeds, problems]."""
        mean, span = over_seeds_and_problems(shares)
        low, high = span or (None, None)
        return cls(mean=mean, low=low, high=high)


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference(Interval):
    """The difference of two objectives with its tests, see :class:`evaluators.statistics.ranking.Comparison`."""

    p: float | None
    p_holm: float | None
    equivalent_p: float | None
    improvement: float
    detectable: float | None
    improvement_low: float | None
    improvement_high: float | None
    equivalence_seeds: int | None

    @property
    def equivalent(self) -> bool:
        """Whether equivalence within the suite's margin was shown."""
        return self.equivalent_p is not None and self.equivalent_p < LEVEL

    @classmethod
    def between(cls, found: Comparison) -> "Difference":
        low, high = found.difference.interval() or (None, None)
        improvement_low, improvement_high = found.improvement_interval or (None, None)
        return cls(
            mean=found.difference.mean,
            low=low,
            high=high,
            p=found.p,
            p_holm=found.p_holm,
            equivalent_p=found.equivalent_p,
            improvement=found.improvement,
            detectable=found.detectable,
            improvement_low=improvement_low,
            improvement_high=improvement_high,
            equivalence_seeds=found.equivalence_seeds,
        )
