"""Verdicts on new seeds: how often they should be the same again, and what contradicts them."""

import numpy as np
import pytest

from evaluators.statistics.estimates import Estimate
from evaluators.statistics.ranking import Scores, difference
from evaluators.statistics.replication import Outcome, Published, Verdict, outcome, should_replicate
from tests.support.simulated import SCENARIOS, skills

MARGIN = 0.02
PROBLEMS = 40


def scores(seeds: int, gap: float, rng: np.random.Generator, of_problem: np.ndarray, scenario: str = "even") -> Scores:
    """The scores of an arm. Its problems are the same for all of its seeds."""
    of_seed = skills(scenario, (seeds, 1), rng, 0.03)
    shares = 0.5 + gap + of_problem + of_seed + 0.1 * rng.normal(size=(seeds, PROBLEMS))
    return Scores(name="arm", seeds=tuple(range(seeds)), shares=shares)


@pytest.mark.parametrize(("published_seeds", "new_seeds"), [(5, 5), (10, 5), (10, 20)])
@pytest.mark.parametrize("verdict", ["better", "worse", "equivalent"])
def test_as_many_replicate_as_should(verdict: Verdict, published_seeds: int, new_seeds: int) -> None:
    """Without any selection: true differences of all sizes, and for each the mean of what is expected."""
    rng = np.random.default_rng(published_seeds + new_seeds)
    margin = 0.05
    expected, came = [], []
    for _ in range(400):
        gap = rng.uniform(-0.12, 0.12)
        own = 0.05 * rng.normal(size=PROBLEMS)
        ours, theirs = (scores(published_seeds, g, rng, o) for g, o in ((gap, own), (0.0, 0 * own)))
        published = Published.of(ours, theirs)
        new = difference(*(scores(new_seeds, g, rng, o) for g, o in ((gap, own), (0.0, 0 * own))))
        assert published and new
        expected.append(should_replicate(verdict, published, new_seeds, margin))
        came.append(outcome(verdict, published, new, new_seeds, margin)[0] == "replicated")
    assert np.mean(came) == pytest.approx(np.mean(expected), abs=0.05)
    assert 0.02 < np.mean(came) < 0.98


def published(mean: float, seeds: int = 10, of_seed: float = 0.02) -> Published:
    estimate = Estimate(mean=mean, error=of_seed / seeds**0.5, df=seeds - 1)
    return Published(estimate=estimate, of_seed=of_seed, seeds=seeds, problems=500)


@pytest.mark.parametrize(
    ("verdict", "before", "mean", "error", "expected", "why"),
    [
        ("better", 0.10, 0.09, 0.01, "replicated", ""),
        ("worse", -0.10, -0.09, 0.01, "replicated", ""),
        ("better", 0.10, -0.09, 0.01, "not replicated", "opposite sign"),
        ("worse", -0.10, 0.09, 0.01, "not replicated", "opposite sign"),
        ("better", 0.03, 0.000, 0.002, "not replicated", "equivalent"),
        ("better", 0.10, 0.03, 0.02, "not replicated", "smaller than published"),
        ("worse", -0.10, -0.03, 0.02, "not replicated", "smaller than published"),
        ("better", 0.03, 0.02, 0.02, "undecided", ""),
        ("equivalent", 0.0, 0.001, 0.002, "replicated", ""),
        ("equivalent", 0.0, 0.05, 0.005, "not replicated", "more than the margin"),
        ("equivalent", 0.0, -0.05, 0.005, "not replicated", "more than the margin"),
        ("equivalent", 0.0, 0.025, 0.005, "undecided", ""),
        ("equivalent", 0.0, 0.001, 0.02, "undecided", ""),
    ],
)
def test_outcomes(verdict: Verdict, before: float, mean: float, error: float, expected: Outcome, why: str) -> None:
    found, said = outcome(verdict, published(before), Estimate(mean=mean, error=error, df=4), 5, MARGIN)
    assert found == expected
    assert why in said
    assert bool(said) == (expected == "not replicated")


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_what_holds_is_rarely_said_not_to(scenario: str) -> None:
    """A true difference is published and tried again. At most one in twenty is called contradicted."""
    rng = np.random.default_rng(0)
    wrong = 0
    for _ in range(400):
        none = np.zeros(PROBLEMS)
        before = Published.of(scores(10, 0.05, rng, none, scenario), scores(10, 0.0, rng, none, scenario))
        new = difference(scores(5, 0.05, rng, none, scenario), scores(5, 0.0, rng, none, scenario))
        assert before and new
        wrong += outcome("better", before, new, 5, MARGIN)[0] == "not replicated"
    assert wrong / 400 <= 0.05


def test_more_seeds_and_larger_effects_should_replicate_more_often() -> None:
    for verdict, sign in (("better", 1), ("worse", -1)):
        by_seeds = [should_replicate(verdict, published(sign * 0.03), seeds, MARGIN) for seeds in (2, 3, 5, 10, 30)]  # type: ignore[arg-type]
        by_size = [should_replicate(verdict, published(sign * gap), 5, MARGIN) for gap in (-0.02, 0.0, 0.01, 0.03, 0.1)]  # type: ignore[arg-type]
        for shares in (by_seeds, by_size):
            assert shares == sorted(shares)
            assert all(0 <= share <= 1 for share in shares)
    assert should_replicate("better", published(0.2), 5, MARGIN) > 0.99
    assert should_replicate("equivalent", published(0.0, of_seed=0.005), 10, MARGIN) > 0.95
    assert should_replicate("equivalent", published(0.0, of_seed=0.05), 5, MARGIN) < 0.1


def test_runs_that_all_came_out_alike_replicate_for_sure() -> None:
    assert should_replicate("equivalent", published(0.0, of_seed=0.0), 5, MARGIN) == 1
    assert should_replicate("better", published(0.1, of_seed=0.0), 5, MARGIN) == 1
    assert should_replicate("worse", published(0.1, of_seed=0.0), 5, MARGIN) == 0
    one = Scores(name="one", seeds=(0,), shares=np.ones((1, 3)))
    assert Published.of(one, one) is None
