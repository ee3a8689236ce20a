"""What a whole document claims, by simulation and in single cases."""

from itertools import combinations

import numpy as np
import pytest

from evaluators.statistics.families import Contest, Correction, Judged, judge
from evaluators.statistics.ranking import LEVEL, Scores, corrected, pairs
from tests.support.simulated import SCENARIOS, null_tables

REGIMES, ARMS, SEEDS = 3, 5, 4


def contest(scores: list[Scores], controls: int = 0) -> Contest:
    """The first arm is the baseline, and the last are the controls."""
    rows = scores[: len(scores) - controls]
    ordered = sorted(rows, key=lambda one: -one.shares.mean())
    return Contest(baseline=scores[0], rows=rows[1:], controls=scores[len(rows) :], ranked=ordered)


def documents(scenario: str, repeats: int) -> list[list[Contest]]:
    """Documents with three regimes each, in which nothing differs."""
    tables = null_tables(scenario, arms=ARMS, seeds=SEEDS, repeats=REGIMES * repeats)
    return [[contest(table) for table in tables[n : n + REGIMES]] for n in range(0, len(tables), REGIMES)]


def claims(found: Judged) -> tuple[bool, bool]:
    """Whether a verdict, and whether a rank, distinguishes any two arms."""
    verdicts = any((one.p_holm or 1) < LEVEL for one in (*found.rows.values(), *found.controls.values()))
    return verdicts, any(rank != (1, ARMS) for rank in found.standing.ranks.values())


def at_most(level: float, repeats: int) -> float:
    """The upper bound of a share over this many documents, with room for chance."""
    return level + 2 * float((level * (1 - level) / repeats) ** 0.5)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_document_that_is_corrected_whole_claims_a_difference_in_one_of_twenty(scenario: str) -> None:
    made = documents(scenario, 100)
    wrong = [any(any(claims(one)) for one in judge(each, 0.02, "document")) for each in made]
    assert np.mean(wrong) <= at_most(LEVEL, len(made))


def test_table_by_table_each_family_does_and_all_together_more_often() -> None:
    made = documents("even", 100)
    found = np.array([[claims(one) for one in judge(each, 0.02, "table")] for each in made])
    assert found.mean(axis=(0, 1)).max() <= at_most(LEVEL, REGIMES * len(made))
    assert found.any(axis=(1, 2)).mean() > at_most(LEVEL, len(made))


def scores(name: str, mean: float, rng: np.random.Generator, seeds: int = 6) -> Scores:
    chance = np.clip(mean + 0.01 * rng.normal(size=(seeds, 1)), 0, 1)
    return Scores(name=name, seeds=tuple(range(seeds)), shares=rng.binomial(4, chance, size=(seeds, 400)) / 4)


def some() -> list[Contest]:
    """Two tables with a baseline, an equal arm, a better arm and a control. In the second, the control has one seed."""
    rng = np.random.default_rng(0)
    tables = [[scores(name, mean, rng) for name, mean in zip("abcz", (0.5, 0.5, 0.6, 0.1), strict=True)] for _ in "12"]
    last = tables[1][3]
    tables[1][3] = Scores(name="z", seeds=(0,), shares=last.shares[:1])
    return [contest(table, controls=1) for table in tables]


@pytest.mark.parametrize("correction", ["table", "document"])
def test_a_gap_is_found_under_either_correction(correction: Correction) -> None:
    first, second = judge(some(), 0.05, correction)
    for found in (first, second):
        assert (found.rows["c"].p_holm or 1) < LEVEL and found.standing.ranks["c"] == (1, 1)
        assert (found.rows["b"].equivalent_p or 1) < LEVEL
    assert (first.controls["z"].p_holm or 1) < LEVEL
    assert second.controls["z"].p is second.controls["z"].p_holm is second.controls["z"].equivalent_p is None


def test_a_document_counts_each_pair_once() -> None:
    """The first table has three pairs of rows and a control. In the second, the control cannot be tested."""
    found = judge(some(), 0.05, "document")
    assert [(one.tests, one.equivalences) for one in found] == [(4, 3), (3, 2)]
    alone = {(place, pair): p for place, one in enumerate(some()) for pair, p in pairs(one.ranked).items()}
    alone |= {(place, frozenset("az")): one.controls["z"].p for place, one in enumerate(found)}
    expected = corrected(alone)
    assert sum(p is not None for p in expected.values()) == 7
    for place, one in enumerate(found):
        assert one.pairs == pytest.approx({pair: expected[place, pair] for pair in one.pairs})
        assert one.controls["z"].p_holm == pytest.approx(expected[place, frozenset("az")])


def test_under_one_correction_verdicts_and_ranks_are_one_test() -> None:
    for found in judge(some(), 0.05, "document"):
        for name, one in found.rows.items():
            assert one.p_holm == found.pairs[frozenset(("a", name))]


def test_what_seeds_can_show_is_told_at_the_level_that_is_asked_of_them() -> None:
    (table, _), (whole, _) = (judge(some(), 0.05, correction) for correction in ("table", "document"))  # type: ignore[arg-type]
    ours, theirs = table.rows["b"], whole.rows["b"]
    assert ours.detectable and theirs.detectable and ours.detectable < theirs.detectable
    assert ours.equivalence_seeds and theirs.equivalence_seeds and ours.equivalence_seeds < theirs.equivalence_seeds


def test_without_a_baseline_there_are_ranks_alone() -> None:
    whole = some()[0]
    alone = Contest(baseline=None, rows=whole.rows, controls=whole.controls, ranked=whole.ranked)
    for correction in ("table", "document"):
        (found,) = judge([alone], 0.05, correction)  # type: ignore[arg-type]
        assert (found.rows, found.controls, found.tests, found.equivalences) == ({}, {}, 3, 0)
        assert found.pairs.keys() == {frozenset(pair) for pair in combinations("abc", 2)}
