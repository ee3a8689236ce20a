"""Intervals within 0 and 1, compared with worked numbers, and collapsed runs in single cases."""

import numpy as np
import pytest
from scipy import stats

from evaluators.statistics.collapse import collapsed
from evaluators.statistics.estimates import MeanSquares, two_way
from evaluators.statistics.power import of_pairs, seeds_for_equivalence
from evaluators.statistics.proportions import improvement_interval, over_problems, over_seeds_and_problems


@pytest.mark.parametrize("solved", [0, 1, 30, 99, 100])
def test_problems_that_come_out_right_or_wrong_are_wilsons(solved: int) -> None:
    expected = stats.binomtest(solved, 100).proportion_ci(method="wilson")
    found = over_problems([1.0] * solved + [0.0] * (100 - solved))
    assert found == pytest.approx((solved / 100, expected.low, expected.high), abs=1e-9)


def test_samples_that_differ_within_a_problem_are_worth_more_than_one() -> None:
    """Problems that are all alike and solved half of the time, compared with half of the problems solved.

    The mean is the same.
    """
    (_, *alike), (_, *apart) = over_problems([0.5] * 100), over_problems([1.0, 0.0] * 50)
    assert apart[0] < alike[0] < 0.5 < alike[1] < apart[1]


def test_an_accuracy_of_nothing_is_not_certainly_nothing() -> None:
    mean, span = over_seeds_and_problems(np.zeros((5, 100)))
    assert span is not None
    assert (mean, *span) == pytest.approx(over_problems([0.0] * 100))
    assert over_seeds_and_problems([[0.5, 1.0]]) == (0.75, None)


def test_no_share_is_refused() -> None:
    with pytest.raises(ValueError, match="shares between 0 and 1"):
        over_problems([0.5, 1.5])
    with pytest.raises(ValueError, match="confidence"):
        over_problems([0.5], confidence=95)


def test_the_interval_of_an_improvement_has_a_width_at_its_ends() -> None:
    low, high = improvement_interval(1.0, 5, 5) or (0, 0)
    assert (0.6 < low < 0.7) and high == 1.0
    assert improvement_interval(0.0, 5, 5) == pytest.approx((0.0, 1 - low))
    low, high = improvement_interval(0.5, 5, 5) or (0, 0)
    assert low == pytest.approx(1 - high) and 0.15 < low < 0.25
    assert improvement_interval(0.5, 2, 9) is None


@pytest.mark.parametrize(
    ("ends", "fell"),
    [
        ([0.75, 0.74, 0.76, 0.75, 0.02], [4]),
        ([0.75, 0.74, 0.76, 0.40, 0.02], [3, 4]),  # one at its start, and one a little below
        ([0.75, 0.74, 0.76, 0.50, 0.45], []),  # learnt less, but lost nothing
        ([0.75, 0.75, 0.75, 0.75, 0.70], []),  # nearly alike
        ([0.70, 0.62, 0.55, 0.48, 0.43], []),  # far apart, one at its start
        ([0.02, 0.00, 0.05, 0.01, 0.00], [0, 1, 2, 3, 4]),
        ([0.02, 0.00, 0.05, 0.75, 0.74], [0, 1, 2]),
        ([0.45, 0.42, 0.39, 0.44, 0.46], []),  # the training teaches nothing
        ([0.75], []),
        ([0.10], [0]),
    ],
)
def test_which_runs_have_collapsed(ends: list[float], fell: list[int]) -> None:
    assert np.flatnonzero(collapsed(ends, [0.44] * len(ends), samples=1000)).tolist() == fell


def test_few_samples_make_no_collapse() -> None:
    assert not collapsed([0.75, 0.75, 0.3], [0.5] * 3, samples=8).any()
    with pytest.raises(ValueError, match="an end and a start"):
        collapsed([0.5], [0.5, 0.5], samples=8)


def test_two_steps_of_the_same_start_do_not_ask_for_other_seeds() -> None:
    """With as many seeds as there are, the forecast is the present interval."""
    rng = np.random.default_rng(0)
    table = 0.02 * rng.normal(size=(6, 1)) + 0.1 * rng.normal(size=100) + 0.2 * rng.normal(size=(6, 100))
    found = MeanSquares.of(table)
    here, now = found.with_seeds(6).estimate(), two_way(table)
    assert (here.error, here.df) == pytest.approx((now.error, now.df))
    more = found.with_seeds(60).estimate()
    assert more.error and now.error and more.error < now.error


def test_seeds_do_not_help_where_problems_differ() -> None:
    """Ten problems on which two objectives differ at random do not justify a claim about other problems."""
    rng = np.random.default_rng(0)
    table = 0.2 * rng.normal(size=10) + 0.01 * rng.normal(size=(5, 10))
    assert seeds_for_equivalence(MeanSquares.of(table), 0.02) is None
    assert seeds_for_equivalence(MeanSquares.of(np.zeros((5, 10))), 0.02) == 2
    assert seeds_for_equivalence(of_pairs(1.0), 0.02) is None
    strict, loose = (seeds_for_equivalence(of_pairs(0.02), 0.02, level) for level in (0.01, 0.05))
    assert strict and loose and strict > loose
