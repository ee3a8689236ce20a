"""Intervals against scipy and against the truth they promise to cover."""

import numpy as np
import pytest
from scipy import stats

from evaluators.statistics import Interval, paired_difference, t_interval


def test_worked_example() -> None:
    interval = t_interval([0.40, 0.44, 0.48])
    assert interval.mean == pytest.approx(0.44)
    assert interval.low == pytest.approx(0.44 - 4.302653 * 0.04 / 3**0.5, abs=1e-7)
    assert interval.high == pytest.approx(0.44 + 4.302653 * 0.04 / 3**0.5, abs=1e-7)


@pytest.mark.parametrize("confidence", [0.5, 0.9, 0.95, 0.99])
@pytest.mark.parametrize("seeds", [2, 3, 5, 30])
def test_agrees_with_scipy(seeds: int, confidence: float) -> None:
    values = np.random.default_rng(seeds).normal(0.5, 0.02, size=seeds)
    expected = stats.ttest_1samp(values, 0).confidence_interval(confidence)
    interval = t_interval(values, confidence)
    assert interval.mean == pytest.approx(values.mean())
    assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high))


def test_one_seed_has_no_interval() -> None:
    assert t_interval([0.4]) == Interval(mean=0.4, low=None, high=None)
    assert paired_difference([[1.0, 0.0]], [[0.0, 0.0]]) == Interval(mean=0.5, low=None, high=None)


def test_equal_seeds_have_an_interval_of_no_width() -> None:
    assert t_interval([0.5, 0.5, 0.5]) == Interval(mean=0.5, low=0.5, high=0.5)


def test_paired_difference_pairs_seeds_and_problems() -> None:
    rng = np.random.default_rng(0)
    problems, seeds = rng.uniform(0, 1, size=400), rng.normal(0, 0.1, size=(5, 1))
    b = problems + seeds + rng.normal(0, 0.01, size=(5, 400))
    a = b + 0.02 + rng.normal(0, 0.01, size=(5, 400))
    paired = paired_difference(a, b)
    expected = stats.ttest_rel(a.mean(axis=1), b.mean(axis=1)).confidence_interval(0.95)
    assert (paired.low, paired.high) == pytest.approx((expected.low, expected.high))
    assert paired.low is not None and paired.high is not None and 0.015 < paired.low < 0.02 < paired.high < 0.025
    swapped = paired_difference(b, a)
    assert (swapped.low, swapped.high) == pytest.approx((-paired.high, -paired.low))


@pytest.mark.parametrize("seeds", [3, 5, 10])
def test_coverage_is_what_it_says(seeds: int) -> None:
    """Accuracies on 200 problems, seeds that differ by 1.5 points: the true mean is inside 95 % of the time."""
    rng = np.random.default_rng(seeds)
    skill = np.clip(rng.normal(0.5, 0.015, size=(4000, seeds)), 0, 1)
    accuracies = rng.binomial(200, skill) / 200
    intervals = [t_interval(row) for row in accuracies]
    covered = [i.low <= 0.5 <= i.high for i in intervals if i.low is not None and i.high is not None]
    assert len(covered) == 4000
    assert 0.93 <= np.mean(covered) <= 0.97


@pytest.mark.parametrize("values", [[], [[0.1, 0.2]], 0.1, [0.1, float("nan")], [0.1, float("inf")]])
def test_what_is_no_sample_is_refused(values: object) -> None:
    with pytest.raises(ValueError, match="need"):
        t_interval(values)  # type: ignore[arg-type]


def test_what_cannot_be_paired_is_refused() -> None:
    with pytest.raises(ValueError, match="same seeds and problems"):
        paired_difference(np.ones((3, 4)), np.ones((3, 1)))
    with pytest.raises(ValueError, match="2 dimensions"):
        paired_difference(np.ones(3), np.ones(3))
    with pytest.raises(ValueError, match="confidence"):
        t_interval([1.0, 2.0], 95)
