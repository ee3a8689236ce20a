"""A problem is marked if it differs by more than the noise of its samples, and only then."""

import numpy as np
import pytest

from evaluators.statistics.by_problem import beyond_noise, least_p

PROBLEMS, SAMPLES = 200, 20


def drawn(first: np.ndarray, second: np.ndarray, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    counts = [rng.binomial(SAMPLES, chances) for chances in (first, second)]
    return beyond_noise(counts[0], np.full(PROBLEMS, SAMPLES), counts[1], np.full(PROBLEMS, SAMPLES))


def test_noise_alone_marks_hardly_ever_anything() -> None:
    chances = np.linspace(0.02, 0.98, PROBLEMS)
    marked = sum((drawn(chances, chances, seed) < 0.05).any() for seed in range(40))
    assert marked <= 5  # of 40; 5 % are 2


def test_what_differs_is_marked_and_what_does_not_is_not() -> None:
    first, second = np.full(PROBLEMS, 0.5), np.full(PROBLEMS, 0.5)
    first[:20], second[:20] = 0.99, 0.01
    p = drawn(first, second, 0)
    assert (p[:20] < 0.05).all()
    assert (p[20:] < 0.05).sum() <= 3


def test_one_problem_alone_is_fishers_test() -> None:
    assert beyond_noise([5], [5], [0], [5])[0] == pytest.approx(2 / 252)
    assert beyond_noise([0], [5], [5], [5])[0] == pytest.approx(2 / 252)


def test_few_samples_tell_nothing() -> None:
    assert least_p(2, 2) == pytest.approx(1 / 3)
    assert beyond_noise([2], [2], [0], [2])[0] == pytest.approx(1 / 3)
    assert len(beyond_noise([], [], [], [])) == 0


def test_more_correct_than_samples_is_refused() -> None:
    with pytest.raises(ValueError, match="more correct"):
        beyond_noise([3], [2], [0], [2])
