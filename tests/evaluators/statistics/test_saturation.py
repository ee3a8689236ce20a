"""Fits of learning curves: what is planted is found, what cannot be known is refused, and how often both go wrong."""

import numpy as np
import pytest
from numpy.typing import NDArray

from evaluators.statistics.saturation import Saturation, saturation

Array = NDArray[np.float64]
SPENT = 1000 * np.array([0, 0.1, 0.25, 0.5, 0.75, 1])
START = 0.44


def curve(ceiling: float, steepness: float, midpoint: float) -> Array:
    """``midpoint``: as a share of the budget."""
    with np.errstate(divide="ignore"):
        reached = 1 / (1 + (midpoint * SPENT[-1] / SPENT) ** steepness)
    return np.asarray(START + (ceiling - START) * reached)


def runs(means: Array, number: int, rng: np.random.Generator) -> Array:
    """Runs that differ in what they learn by two points, and whose validations differ by another 2.5."""
    levels = rng.normal(0, 0.02, (number, 1)) * np.linspace(0, 1, len(means))
    return np.asarray(means + levels + rng.normal(0, 0.025, (number, len(means))))


def fits(means: Array, number: int, studies: int = 60) -> list[Saturation | str]:
    rng = np.random.default_rng(1)
    return [saturation(SPENT, runs(means, number, rng)) for _ in range(studies)]


@pytest.mark.parametrize(("ceiling", "steepness", "midpoint"), [(0.75, 1.7, 0.22), (0.6, 2.5, 0.3), (0.9, 1.3, 0.1)])
def test_a_curve_of_this_form_is_found_exactly(ceiling: float, steepness: float, midpoint: float) -> None:
    found = saturation(SPENT, np.tile(curve(ceiling, steepness, midpoint), (5, 1)))
    assert isinstance(found, Saturation)
    assert (found.ceiling, found.steepness, found.midpoint) == pytest.approx((ceiling, steepness, 1000 * midpoint))


def test_the_unit_of_the_spending_only_moves_the_midpoint() -> None:
    sampled = runs(curve(0.75, 1.7, 0.22), 8, np.random.default_rng(0))
    one, other = saturation(SPENT, sampled), saturation(1e9 * SPENT, sampled)
    assert isinstance(one, Saturation)
    assert isinstance(other, Saturation)
    assert (other.ceiling, other.steepness) == pytest.approx((one.ceiling, one.steepness))
    assert other.midpoint == pytest.approx(1e9 * one.midpoint)
    for ours, theirs in zip(one.estimates(), other.estimates(), strict=True):
        assert ours.error == pytest.approx(theirs.error)


@pytest.mark.parametrize(
    ("means", "reason"),
    [
        (np.full(6, START), "does not rise"),
        (START - 0.3 * SPENT / SPENT[-1], "does not rise"),
        (np.array([0.44, 0.55, 0.7, 0.72, 0.66, 0.58]), "falls"),
        (START + 0.1 * SPENT / SPENT[-1], "does not level off"),
        (START + 0.05 * SPENT / SPENT[-1], "does not level off"),
        (curve(0.8, 1.0, 1.5), "does not level off"),
        (np.array([0.44, 0.6, 0.6, 0.6, 0.75, 0.75]), "another shape"),
        (np.array([0.44, 0.44, 0.44, 0.7, 0.7, 0.7]), "another shape"),
    ],
)
def test_what_such_a_curve_does_not_describe_is_refused(means: Array, reason: str) -> None:
    found = fits(means, 20, studies=10)
    assert found.count(reason) >= 9, found


@pytest.mark.parametrize("number", [5, 10])
@pytest.mark.parametrize("ceiling", [0.97, 1.0])
def test_a_ceiling_at_the_bound_is_no_estimate(ceiling: float, number: int) -> None:
    """There all fits agree, and a jackknife would find no error."""
    found = [saturation(SPENT, np.minimum(each, 1.0)) for each in _near(curve(ceiling, 1.5, 0.15), number)]
    errors = [fit.estimates()[0].error for fit in found if isinstance(fit, Saturation)]
    assert all(error and error > 1e-3 for error in errors)
    assert all(fit.ceiling < 1 for fit in found if isinstance(fit, Saturation))
    assert ceiling < 1 or "does not level off" in found


def _near(means: Array, number: int) -> list[Array]:
    rng = np.random.default_rng(4)
    return [means + rng.normal(0, 0.01, (number, len(means))) for _ in range(20)]


@pytest.mark.parametrize("number", [5, 10])
@pytest.mark.parametrize(("ceiling", "steepness", "midpoint"), [(0.75, 1.7, 0.22), (0.68, 2.0, 0.2)])
def test_intervals_cover_what_is_planted(ceiling: float, steepness: float, midpoint: float, number: int) -> None:
    """Those that are shown: 87 to 100 % here. Some of the others are refused because chance made them flat or steep."""
    found = [fit for fit in fits(curve(ceiling, steepness, midpoint), number) if isinstance(fit, Saturation)]
    assert len(found) > 20
    planted = ceiling, np.log(1000 * midpoint), np.log(steepness)
    for place, true in enumerate(planted):
        ends = [fit.estimates()[place].interval() for fit in found]
        covered = sum(low <= true <= high for low, high in filter(None, ends))
        assert covered >= 0.85 * len(found)


@pytest.mark.parametrize("number", [5, 10])
@pytest.mark.parametrize(("ceiling", "steepness", "midpoint"), [(0.9, 1.0, 0.35), (0.8, 1.3, 0.5), (0.82, 1.05, 0.21)])
def test_a_ceiling_that_is_far_away_is_rarely_claimed_wrongly(
    ceiling: float, steepness: float, midpoint: float, number: int
) -> None:
    """Chance can bend a slow curve. Then its ceiling is too low."""
    found = [fit for fit in fits(curve(ceiling, steepness, midpoint), number) if isinstance(fit, Saturation)]
    ends = [fit.estimates()[0].interval() for fit in found]
    wrong = sum(not low <= ceiling <= high for low, high in filter(None, ends))
    assert wrong <= 0.1 * 60


def test_gaps_are_paired_by_run() -> None:
    """What two objectives share on a seed is no noise of their difference."""
    rng = np.random.default_rng(2)
    shared = runs(curve(0.75, 1.7, 0.22), 10, rng)
    better = shared + np.linspace(0, 0.05, 6) ** 0.5 * 0.1
    ours, theirs = saturation(SPENT, better), saturation(SPENT, shared)
    assert isinstance(ours, Saturation)
    assert isinstance(theirs, Saturation)
    higher, _ = ours.gaps(theirs)
    single = ours.estimates()[0].error
    assert higher.mean == pytest.approx(ours.ceiling - theirs.ceiling)
    assert higher.error is not None
    assert single is not None
    assert higher.error < single / 4
    with pytest.raises(ValueError, match="cannot be paired"):
        ours.gaps(saturation(SPENT, shared[1:]))  # type: ignore[arg-type]


def test_equal_objectives_rarely_differ() -> None:
    rng, means = np.random.default_rng(3), curve(0.75, 1.7, 0.22)
    claims, pairs = np.zeros(2), 0
    for _ in range(80):
        ours, theirs = (saturation(SPENT, runs(means, 10, rng)) for _ in range(2))
        if isinstance(ours, Saturation) and isinstance(theirs, Saturation):
            pairs += 1
            claims += [(gap.p_value() or 1) < 0.05 for gap in ours.gaps(theirs)]
    assert pairs > 40
    assert (claims <= 0.12 * pairs).all()


@pytest.mark.parametrize(
    ("spent", "accuracies", "words"),
    [
        (SPENT, np.zeros((4, 6)), "need 5 runs"),
        (SPENT[:5], np.zeros((5, 5)), "need 5 runs and 5 validations"),
        (SPENT + 1, np.zeros((5, 6)), "rises from 0"),
        (np.zeros(6), np.zeros((5, 6)), "rises from 0"),
        (SPENT, np.full((5, 6), np.nan), "finite"),
    ],
)
def test_wrong_arrays_are_refused(spent: Array, accuracies: Array, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        saturation(spent, accuracies)
