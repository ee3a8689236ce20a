"""The whole procedure on simulated runs: what it claims if there is no difference, and if there is one."""

import numpy as np
import pytest

from evaluators.statistics import ranking
from evaluators.statistics.ranking import LEVEL, Scores, against, ranks, standing, tie_groups

PROBLEMS, SAMPLES, OF_SEED = 200, 2, 0.015


def runs(name: str, skill: float, seeds: int, rng: np.random.Generator, difficulty: np.ndarray) -> Scores:
    """Runs of an objective. Problems differ in difficulty, seeds in skill, and samples by chance."""
    chance = np.clip(skill + OF_SEED * rng.normal(size=(seeds, 1)) + difficulty, 0, 1)
    return Scores(name=name, seeds=tuple(range(seeds)), shares=rng.binomial(SAMPLES, chance) / SAMPLES)


def tables(skills: list[float], seeds: int, repeats: int, seed: int) -> list[list[Scores]]:
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(repeats):
        difficulty = rng.normal(0, 0.2, size=PROBLEMS)
        found.append([runs(f"o{i}", skill, seeds, rng, difficulty) for i, skill in enumerate(skills)])
    return found


@pytest.mark.parametrize("seeds", [3, 5, 10])
def test_equal_objectives_are_told_apart_in_at_most_one_table_of_twenty(
    seeds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ranking, "DETECTABLE_FROM", 99)  # computing what seeds can show takes most of the time
    wrong = wrong_ranks = 0
    made = tables([0.5] * 5, seeds, 400, seed=seeds)
    for scores in made:
        compared = against(scores[0], scores[1:], margin=0.02)
        wrong += any(c.p_holm is not None and c.p_holm < LEVEL for c in compared.values())
        wrong_ranks += any(rank != (1, 5) for rank in standing(scores).ranks.values())
    # With room for what chance adds to 5 % in this many tables.
    bound = LEVEL + 2 * (LEVEL * (1 - LEVEL) / len(made)) ** 0.5
    assert wrong / len(made) <= bound
    assert wrong_ranks / len(made) <= bound


def test_a_planted_gap_is_found() -> None:
    found = ranked = 0
    made = tables([0.50, 0.56, 0.50], 10, 100, seed=0)
    for scores in made:
        compared = against(scores[0], scores[1:], margin=0.02)
        found += (compared["o1"].p_holm or 1) < LEVEL and compared["o1"].difference.mean > 0
        order = sorted(scores, key=lambda one: -one.shares.mean())
        ranked += standing(order).ranks["o1"] == (1, 1)
    assert found / len(made) > 0.9
    assert ranked / len(made) > 0.85


def test_equivalence_is_claimed_of_equal_objectives_and_not_of_a_gap_at_the_margin() -> None:
    same = tables([0.5, 0.5], 10, 60, seed=1)
    claimed = [(against(a, [b], margin=0.05)["o1"].equivalent_p or 1) < LEVEL for a, b in same]
    assert np.mean(claimed) > 0.8
    apart = tables([0.5, 0.55], 10, 200, seed=2)
    claimed = [(against(a, [b], margin=0.05)["o1"].equivalent_p or 1) < LEVEL for a, b in apart]
    assert np.mean(claimed) <= 0.09


def test_correction_counts_the_comparisons() -> None:
    (scores,) = tables([0.5, 0.53, 0.5, 0.5], 5, 1, seed=3)
    alone = against(scores[0], scores[1:2], margin=0.02)["o1"]
    among = against(scores[0], scores[1:], margin=0.02)["o1"]
    assert alone.p == among.p == alone.p_holm
    assert among.p_holm is not None and among.p is not None and among.p_holm > among.p
    same_alone = against(scores[0], scores[2:3], margin=0.02)["o2"].equivalent_p
    same_among = against(scores[0], scores[1:], margin=0.02)["o2"].equivalent_p
    assert same_alone is not None and same_among is not None and same_among > same_alone
    assert among.detectable is not None and alone.detectable is not None and among.detectable > alone.detectable


def test_what_few_seeds_could_have_shown_is_not_told() -> None:
    """From five seeds on. Also if one side has more seeds, and if no gap at all would have been found."""
    for seeds, told in ((4, False), (5, True)):
        (scores,) = tables([0.5, 0.5], seeds, 1, seed=3)
        more = Scores(
            name="more", seeds=tuple(range(-6, seeds)), shares=np.repeat(scores[1].shares, 3, axis=0)[: seeds + 6]
        )
        for other in (scores[1], more):
            found = against(scores[0], [other], margin=0.05)[other.name]
            assert (found.detectable is not None, found.equivalence_seeds is not None) == (told, told)
    apart = np.array([[1.0] * 50, [0.0] * 50, [1.0] * 50, [0.0] * 50, [1.0] * 50])
    wild = Scores(name="wild", seeds=(0, 1, 2, 3, 4), shares=apart)
    tame = Scores(name="tame", seeds=(0, 1, 2, 3, 4), shares=1 - apart)
    assert against(wild, [tame], margin=0.05)["tame"].detectable is None


def test_pairs_are_the_seeds_that_both_have() -> None:
    base = Scores(name="base", seeds=(0, 1, 2), shares=np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 0.0]]))
    other = Scores(name="other", seeds=(7, 1, 0), shares=np.array([[1.0, 1.0], [1.0, 1.0], [0.5, 0.0]]))
    (found,) = against(base, [other], margin=0.02).values()
    assert found.difference.mean == pytest.approx((0.5 + 0.25) / 2)
    assert found.improvement == pytest.approx(8 / 9)
    stranger = Scores(name="stranger", seeds=(9,), shares=np.array([[1.0, 1.0]]))
    assert against(base, [stranger], margin=0.02) == {}
    assert standing([other, stranger]).ties == [("other", "stranger")]  # nothing shows a difference


def test_ties_and_ranks() -> None:
    """a and c differ, and all differ from d. b is not distinguished from a or c."""
    apart = np.zeros((4, 4), dtype=bool)
    for i, j in ((0, 2), (0, 3), (1, 3), (2, 3)):
        apart[i, j] = apart[j, i] = True
    assert tie_groups("abcd", apart) == [("a", "b"), ("b", "c"), ("d",)]
    assert ranks(apart) == [(1, 2), (1, 3), (2, 3), (4, 4)]
    assert tie_groups([], np.zeros((0, 0), dtype=bool)) == []
    with pytest.raises(ValueError, match="symmetric"):
        tie_groups("ab", [[False, True], [False, False]])
