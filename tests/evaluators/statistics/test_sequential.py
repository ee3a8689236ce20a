"""Looks at growing numbers of seeds: what level they may spend, what they claim by simulation, and what they save."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from evaluators.statistics.decisions import Decisions
from evaluators.statistics.estimates import holm, mean_squares, two_way_error
from evaluators.statistics.expected_seeds import Simulated, expected, simulate
from evaluators.statistics.ranking import LEVEL
from evaluators.statistics.sequential import LEAST, MOST, Looks
from tests.support.simulated import shares, skills

LOOKS = Looks((3, 5, 8, 12, 20))
SPREAD, MARGIN = 2.5, 2.0
"""In points: the spread of a paired difference over seeds, and the margin within which a difference does not matter."""
BOARDS = 4000
Draw = Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]


def normal(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return rng.normal(size=shape)


def heavy(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Student's t with three degrees of freedom, scaled to variance 1."""
    return rng.standard_t(3, size=shape) / 3**0.5


def collapsing(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """One run in six is far below the others."""
    return rng.normal(size=shape) - 8.0 * (rng.random(size=shape) < 1 / 6)


NOISE: dict[str, Draw] = {"normal": normal, "heavy": heavy, "collapsing": collapsing}


def boards(gaps: list[float], draw: Draw = normal, looks: Looks = LOOKS, seed: int = 0) -> Simulated:
    """Arms at these distances in points from a baseline that they share."""
    rng = np.random.default_rng(seed)
    most = looks.seeds[-1]
    own, shared = draw(rng, (most, len(gaps), BOARDS)), draw(rng, (most, 1, BOARDS))
    return simulate(looks, np.array(gaps)[:, None] + SPREAD * (own - shared) / 2**0.5, MARGIN)


def at_most(share: float) -> float:
    """The limit for a share over this many boards: three standard errors, because many tests look at it."""
    return float(share + 3 * (share * (1 - share) / BOARDS) ** 0.5)


def test_the_level_is_spent_as_published() -> None:
    """Five equal looks. The cumulative two-sided levels of Lan and DeMets come from tables in DeMets and Lan (1994)."""
    equal = Looks((4, 8, 12, 16, 20))
    assert equal.spent(0.05) == pytest.approx([0.000001, 0.00079, 0.00762, 0.02442, 0.05], abs=6e-6)
    assert equal.bounds(0.05).sum() == pytest.approx(0.05)
    assert Looks((7,)).bounds(0.05) == pytest.approx([0.05])


@pytest.mark.parametrize("looks", [LOOKS, Looks((3,)), Looks((3, 4, 5)), Looks(tuple(range(3, 41)))])
def test_a_p_value_over_the_looks_is_the_level_at_which_its_look_rejects(looks: Looks) -> None:
    for level in (1e-6, 0.001, 0.01, LEVEL / 3, LEVEL, 0.3):
        for look, bound in enumerate(looks.bounds(level)):
            if bound > 1e-300:
                assert looks.overall(bound, look) == pytest.approx(level, rel=1e-3)
                assert looks.overall(bound * 0.99, look) < level < looks.overall(min(1, bound * 1.01), look)
    for look in range(len(looks.seeds)):
        found = looks.overall(np.linspace(0, 1, 999), look)
        assert (np.diff(found) >= 0).all()
        assert (found[0], found[-1]) == (pytest.approx(LEAST), 1.0)
    assert looks.overall(looks.bounds(MOST)[-1] + 1e-6, len(looks.seeds) - 1) == 1.0


@pytest.mark.parametrize("seeds", [(), (2, 5), (3, 3), (5, 3)])
def test_looks_that_are_none_are_refused(seeds: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="looks must rise from 3 seeds"):
        Looks(seeds)


@pytest.mark.parametrize("draw", NOISE)
@pytest.mark.parametrize("arms", [1, 4, 8])
def test_null_boards_are_wrong_in_at_most_one_of_twenty_over_all_looks(arms: int, draw: str) -> None:
    found = boards([0.0] * arms, NOISE[draw])
    assert found.different.any(axis=0).mean() <= at_most(LEVEL)


@pytest.mark.parametrize("draw", NOISE)
@pytest.mark.parametrize("looks", [Looks((3, 4, 5)), Looks(tuple(range(3, 21)))])
def test_so_it_is_with_other_looks(looks: Looks, draw: str) -> None:
    found = boards([0.0] * 3, NOISE[draw], looks)
    assert found.different.any(axis=0).mean() <= at_most(LEVEL)


@pytest.mark.parametrize("draw", NOISE)
def test_what_differs_by_the_margin_is_rarely_called_equivalent(draw: str) -> None:
    found = boards([MARGIN, -MARGIN, MARGIN], NOISE[draw])
    assert found.decisions.equivalent.any(axis=0).mean() <= at_most(LEVEL)


@pytest.mark.parametrize("draw", NOISE)
def test_nulls_among_arms_that_differ_are_still_safe(draw: str) -> None:
    """Decisions relax Holm's correction. They must not relax it too much."""
    found = boards([12.0, 12.0, 0.0, 0.0], NOISE[draw])
    assert found.different[2:].any(axis=0).mean() <= at_most(LEVEL)


def test_a_planted_gap_is_found_as_often_as_with_all_seeds_and_takes_far_fewer() -> None:
    for gap, power, most in ((3.0, 0.98, 16.0), (5.0, 0.999, 12.0), (10.0, 0.999, 8.5)):
        found = boards([gap] * 4)
        assert found.different.mean() > power
        assert (found.sign[found.different] > 0).all()
        assert found.seeds.mean() < most  # of 20


def test_the_looks_cost_little_power() -> None:
    """Compared with one look at all 20 seeds, which finds a gap four times out of five."""
    by_looks, once = (boards([1.9] * 3, looks=looks).different.mean() for looks in (LOOKS, Looks((20,))))
    assert once > 0.8
    assert once - 0.025 < by_looks < once


def test_equal_arms_end_as_equivalent() -> None:
    found = boards([0.0] * 2)
    assert found.decisions.equivalent.mean() > 0.8
    assert found.decisions.at[found.decisions.equivalent].min() >= 3  # never at the first looks


def test_whenever_one_stops_the_interval_covers() -> None:
    """Also at the worst moment, which means at all looks together."""
    rng = np.random.default_rng(3)
    missed = np.zeros(BOARDS, dtype=bool)
    sample = rng.normal(size=(LOOKS.seeds[-1], BOARDS))
    for seeds, bound in zip(LOOKS.seeds, LOOKS.bounds(LEVEL), strict=True):
        error = sample[:seeds].std(axis=0, ddof=1) / seeds**0.5
        missed |= np.abs(sample[:seeds].mean(axis=0)) > stats.t.isf(bound / 2, df=seeds - 1) * error
    assert 0.03 < missed.mean() <= at_most(LEVEL)


@pytest.mark.parametrize("spread", [0.0, 0.05, 0.1])
def test_so_it_is_for_the_paired_difference_by_seed_and_problem(spread: float) -> None:
    """As runs are compared: problems of different difficulty, the same at all looks, skill of seeds, and chance.

    With three seeds, small p-values are too frequent if skill scatters much more than problems do. Overall it holds.
    """
    rng = np.random.default_rng(5)
    looks, arms, repeats, problems = Looks((3, 5, 8, 12)), 2, 1000, 60
    difficulty = rng.normal(0, 0.2, size=(repeats, problems))
    base, *others = (shares(0.5 + skills("even", (repeats, 12), rng, spread), difficulty, rng) for _ in range(1 + arms))
    found = Decisions(looks, (arms, repeats))
    for number, seeds in enumerate(looks.seeds):
        p = []
        for one in others:
            table = (one - base)[:, :seeds]
            errors, dfs = two_way_error(mean_squares(table), seeds, problems)
            p.append(2 * stats.t.sf(np.abs(table.mean(axis=(1, 2))) / errors, dfs))
        found.look(number, np.minimum(1, p), np.ones((arms, repeats)))
    wrong = (~found.open).any(axis=0).mean()
    assert wrong <= LEVEL + 3 * (LEVEL * (1 - LEVEL) / repeats) ** 0.5


def test_decisions_are_holms_over_all_looks_so_far() -> None:
    found = Decisions(LOOKS, (3,), absent=1)
    first, second, third = (LOOKS.bounds(level)[2] for level in (0.001, 0.02, 0.04))
    found.look(2, [first, second, third], [1.0, 1.0, 1.0])
    assert found.differing == pytest.approx([0.001, 0.02, 0.04], rel=1e-3)
    assert found.corrected(found.differing) == pytest.approx(holm([0.001, 0.02, 0.04, 1.0])[:3], rel=1e-3)
    assert found.at.tolist() == [3, 0, 0]
    # A decision stays and is not read again, whatever later seeds say. The others go on from their best look.
    found.look(3, [0.0, 1.0, 1.0], [0.0, 1.0, 1e-9])
    assert found.at.tolist() == [3, 0, 4]
    assert found.differing[0] == pytest.approx(0.001, rel=1e-3)
    assert found.same[0] == 1
    assert found.equivalent.tolist() == [False, False, True]
    assert found.differing[1] == pytest.approx(0.02, rel=1e-3)


def test_an_average_is_told_for_an_assumption() -> None:
    none, far = (expected(LOOKS, 3, gap=gap, spread=SPREAD, margin=MARGIN) for gap in (0.0, 8.0))
    assert far.arm < 10 < none.arm <= none.baseline <= 20
    assert far.arm <= far.baseline
    assert far.decided == 1
    with pytest.raises(ValueError, match="spread"):
        expected(LOOKS, 3, gap=1.0, spread=0.0, margin=MARGIN)
