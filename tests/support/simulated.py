"""Simulated training runs, many studies at once.

Problems differ in difficulty, seeds in skill, and samples by chance.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from evaluators.statistics.estimates import mean_squares, over_seeds, two_way_error
from evaluators.statistics.ranking import Scores

Array = NDArray[np.float64]
COLLAPSING = 1 / 6
"""The share of runs that collapse, if some do."""
SCENARIOS = ("even", "heavy tails", "collapses")
"""The distribution of the skills of seeds."""


def skills(scenario: str, shape: tuple[int, ...], rng: np.random.Generator, spread: float = 0.015) -> Array:
    """The distance of each seed from the level of its objective.

    ``spread``: the standard deviation without collapses.
    """
    if scenario == "heavy tails":
        found: Array = spread * rng.standard_t(3, size=shape) / 3**0.5
        return found
    even = spread * rng.normal(size=shape)
    return np.where(rng.random(shape) < COLLAPSING, -1.0, even) if scenario == "collapses" else even


def shares(skill: Array, difficulty: Array, rng: np.random.Generator, samples: int = 2) -> Array:
    """[..., seeds, problems] Shares of correct samples, for [..., seeds] skills and [..., problems] difficulties."""
    chance = np.clip(skill[..., :, None] + difficulty[..., None, :], 0, 1)
    found: Array = rng.binomial(samples, chance) / samples
    return found


def null_tables(
    scenario: str, *, arms: int, seeds: int, repeats: int, problems: int = 200, seed: int = 0
) -> list[list[Scores]]:
    """``repeats`` tables of ``arms`` objectives that do not differ."""
    rng = np.random.default_rng(seed)
    difficulty = rng.normal(0, 0.2, size=(repeats, 1, problems))
    found = shares(0.5 + skills(scenario, (repeats, arms, seeds), rng), difficulty, rng)
    return [
        [Scores(name=f"o{arm}", seeds=tuple(range(seeds)), shares=table) for arm, table in enumerate(one)]
        for one in found
    ]


def coverage(means: Array, errors: Array, dfs: ArrayLike, truth: float, confidence: float = 0.95) -> float:
    """The share of t-intervals that contain the true value."""
    return float(np.mean(np.abs(means - truth) <= stats.t.ppf((1 + confidence) / 2, dfs) * errors))


def coverage_over_seeds(values: Array, truth: float) -> float:
    """The same for the intervals that ``over_seeds`` gives for the rows of ``values``."""
    found = [over_seeds(row) for row in values]
    means, errors = (np.array([getattr(one, name) for one in found], dtype=np.float64) for name in ("mean", "error"))
    return coverage(means, errors, values.shape[1] - 1, truth)


def coverage_of_both(tables: Array, truth: float, confidence: float = 0.95) -> float:
    """The same for the intervals that ``two_way`` gives for [..., seeds, problems], all at once."""
    errors, dfs = two_way_error(mean_squares(tables), *tables.shape[-2:])
    return coverage(tables.mean(axis=(-2, -1)), errors, dfs, truth, confidence)
