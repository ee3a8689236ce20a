"""Estimates compared with scipy, with worked numbers, and with the true values that they promise to cover."""

import numpy as np
import pytest
from scipy import stats

from evaluators.statistics.estimates import (
    holm,
    iqm,
    mean_over_budget,
    over_seeds,
    paired_difference,
    probability_of_improvement,
)


def test_worked_example() -> None:
    estimate = over_seeds([0.40, 0.44, 0.48])
    assert estimate.mean == pytest.approx(0.44)
    assert estimate.interval() == pytest.approx((0.44 - 4.302653 * 0.04 / 3**0.5, 0.44 + 4.302653 * 0.04 / 3**0.5))


@pytest.mark.parametrize("confidence", [0.5, 0.9, 0.95, 0.99])
@pytest.mark.parametrize("seeds", [2, 3, 5, 30])
def test_agrees_with_scipy(seeds: int, confidence: float) -> None:
    values = np.random.default_rng(seeds).normal(0.02, 0.02, size=seeds)
    expected = stats.ttest_1samp(values, 0)
    estimate = over_seeds(values)
    assert estimate.mean == pytest.approx(values.mean())
    assert estimate.interval(confidence) == pytest.approx(tuple(expected.confidence_interval(confidence)))
    assert estimate.p_value() == pytest.approx(expected.pvalue)
    above = stats.ttest_1samp(values, -0.03, alternative="greater").pvalue
    below = stats.ttest_1samp(values, 0.03, alternative="less").pvalue
    assert estimate.equivalence(0.03) == pytest.approx(max(above, below))


def test_one_seed_has_no_interval() -> None:
    for estimate in (over_seeds([0.4]), paired_difference([[1.0, 0.0]], [[0.0, 0.0]])):
        found = (estimate.interval(), estimate.p_value(), estimate.equivalence(0.02), estimate.detectable())
        assert found == (None, None, None, None)


def test_runs_that_are_the_same_are_no_difference() -> None:
    same = over_seeds([0.0, 0.0, 0.0])
    assert same.interval() == (0.0, 0.0)
    assert same.p_value() == 1.0
    assert same.equivalence(0.01) == 0.0
    other = over_seeds([0.5, 0.5, 0.5])
    assert other.p_value() == 0.0
    assert other.equivalence(0.01) == 1.0


def test_problems_that_all_seeds_find_alike_do_not_count_as_many() -> None:
    """Seeds alone would claim certainty for a gap that comes from 20 of 200 problems."""
    per_problem = np.zeros(200)
    per_problem[:20] = 1.0
    a = np.tile(per_problem, (5, 1))
    estimate = paired_difference(a, np.zeros_like(a))
    low, high = estimate.interval() or (0, 0)
    expected = stats.ttest_1samp(per_problem, 0).confidence_interval()
    assert (low, high) == pytest.approx((expected.low, expected.high), abs=1e-3)


def test_the_difference_is_paired_by_seed_and_problem() -> None:
    rng = np.random.default_rng(0)
    b = rng.uniform(0, 1, size=400) + rng.normal(0, 0.1, size=(5, 1)) + rng.normal(0, 0.01, size=(5, 400))
    a = b + 0.02 + rng.normal(0, 0.01, size=(5, 400))
    paired, swapped = paired_difference(a, b), paired_difference(b, a)
    low, high = paired.interval() or (0, 0)
    assert 0.015 < low < 0.02 < high < 0.025
    assert swapped.interval() == pytest.approx((-high, -low))


def test_holm_as_in_his_worked_example() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == pytest.approx([1.0, 1.0])
    assert holm([]).shape == (0,)
    with pytest.raises(ValueError, match="between 0 and 1"):
        holm([0.5, float("nan")])


def test_probability_of_improvement_counts_pairs_of_runs() -> None:
    assert probability_of_improvement([3, 1], [2, 2, 1]) == pytest.approx((3 + 0.5) / 6)
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=7), rng.normal(size=9)
    assert probability_of_improvement(a, b) == pytest.approx(stats.mannwhitneyu(a, b).statistic / 63)


def test_mean_over_budget_is_the_area_over_its_span() -> None:
    assert mean_over_budget([0, 1, 3], [[0.0, 1.0, 1.0], [0.5, 0.5, 0.5]]) == pytest.approx([2.5 / 3, 0.5])
    with pytest.raises(ValueError, match="rising"):
        mean_over_budget([0, 0], [[0.0, 1.0]])


def test_iqm_leaves_a_quarter_of_the_tasks_out_at_each_end() -> None:
    assert iqm([[0.0, 0.4, 0.6, 1.0], [0.1, 0.1, 0.1, 0.9]]) == pytest.approx([0.5, 0.1])
    with pytest.raises(ValueError, match="4 tasks"):
        iqm([[0.1, 0.2, 0.3]])


@pytest.mark.parametrize("values", [[], [[0.1, 0.2]], 0.1, [0.1, float("nan")], [0.1, float("inf")]])
def test_what_is_no_sample_is_refused(values: object) -> None:
    with pytest.raises(ValueError, match="need"):
        over_seeds(values)  # type: ignore[arg-type]


def test_what_cannot_be_computed_is_refused() -> None:
    with pytest.raises(ValueError, match="same seeds and problems"):
        paired_difference(np.ones((3, 4)), np.ones((3, 1)))
    with pytest.raises(ValueError, match="2 dimensions"):
        paired_difference(np.ones(3), np.ones(3))
    estimate = over_seeds([1.0, 2.0])
    for wrong in (lambda: estimate.interval(95), lambda: estimate.equivalence(0), lambda: estimate.detectable(1.0)):
        with pytest.raises(ValueError, match="must"):
            wrong()
