"""Learning curves that level off: the accuracy that training approaches, and how fast. Pure functions of arrays."""

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize

from evaluators.statistics.estimates import Estimate, finite, over_seeds

Reason = Literal["does not rise", "falls", "another shape", "does not level off"]
Array = NDArray[np.float64]

RUNS_FROM, POINTS_FROM = 5, 5
"""The smallest numbers of runs, and of validations after the start, for a fit with three parameters."""
REACHED_FROM = 0.7
"""The share of the fitted gain that the runs must have reached, even at the lower end of its interval. With less, the
ceiling would be an extrapolation."""
LEVEL = 0.05
NEGLIGIBLE = 1e-9
"""Differences of accuracies below this are rounding."""
LOWEST, HIGHEST = np.array([0.0, np.log(1 / 3), np.log(0.01)]), np.array([1.0, np.log(6.0), np.log(10.0)])
"""Bounds of the ceiling, of the logarithm of the steepness, and of that of the midpoint as a share of the budget."""
AT_BOUND = 1e-3
"""A parameter this close to a bound would lie beyond it."""
GUESSES = [(np.log(steepness), np.log(midpoint)) for steepness in (1.0, 2.0) for midpoint in (0.1, 0.3, 1.0)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Saturation:
    """The curve ``start + (ceiling - start) / (1 + (midpoint / spent) ** steepness)``, fitted to the mean of runs.

    This is the form of ScaleRL (Khatri et al. 2025, arXiv 2510.13786, equation 1).
    """

    ceiling: float
    """The accuracy that the curve approaches."""
    steepness: float
    midpoint: float
    """The spending at which half of the gain is reached."""
    pseudo: Array
    """[runs, 3] the jackknife's pseudo-values of the ceiling and of the logarithms of midpoint and steepness."""

    def estimates(self) -> tuple[Estimate, Estimate, Estimate]:
        """The ceiling, and the logarithms of midpoint and steepness, with errors from a jackknife over runs."""
        found = self.ceiling, float(np.log(self.midpoint)), float(np.log(self.steepness))
        ceiling, midpoint, steepness = (_around(*both) for both in zip(found, self.pseudo.T, strict=True))
        return ceiling, midpoint, steepness

    def gaps(self, other: "Saturation") -> tuple[Estimate, Estimate]:
        """The differences of ceiling and log midpoint to ``other``, whose runs are paired with these in order."""
        if len(self.pseudo) != len(other.pseudo):
            raise ValueError(f"{len(self.pseudo)} runs cannot be paired with {len(other.pseudo)}")
        ceiling, midpoint, _ = (self.pseudo - other.pseudo).T
        log_ratio = float(np.log(self.midpoint / other.midpoint))
        return _around(self.ceiling - other.ceiling, ceiling), _around(log_ratio, midpoint)


def saturating(spent: ArrayLike, start: float, ceiling: float, steepness: float, midpoint: float) -> Array:
    """The accuracies of the curve at these positive amounts of spending, see :class:`Saturation`."""
    return np.asarray(start + (ceiling - start) / (1 + (midpoint / np.asarray(spent)) ** steepness))


def saturation(spent: ArrayLike, accuracies: ArrayLike) -> Saturation | Reason:
    """Fit a saturating curve to the learning curves of one objective, or say why such a fit would not be honest.

    The curve begins at the measured start, and has the least squares to the mean over runs.

    Args:
        spent: [points] the spending at each validation, rising from 0.
        accuracies: [runs, points] the validation accuracies of each run.
    """
    runs, places = finite(accuracies, dimensions=2), finite(spent, dimensions=1)
    if runs.shape[1] != len(places) or places[0] != 0 or (np.diff(places) <= 0).any():
        raise ValueError(
            f"need spending that rises from 0 at each of {runs.shape[1]} validations, not {places.tolist()}"
        )
    if len(runs) < RUNS_FROM or len(places) <= POINTS_FROM:
        raise ValueError(f"need {RUNS_FROM} runs and {POINTS_FROM} validations after the start, not {runs.shape}")
    if not _above(runs[:, -1] - runs[:, 0], LEVEL):
        return "does not rise"
    if any(_above(earlier - runs[:, -1], LEVEL / (len(places) - 1)) for earlier in runs.T[:-1]):
        return "falls"
    budget = float(places[-1])
    shares = places[1:] / budget
    mean = runs.mean(0)
    found = min(
        (_fit(shares, mean, (float(mean.max()), *guess)) for guess in GUESSES), key=lambda fit: float(fit.cost)
    ).x
    if _misses(runs[:, 1:] - mean[1:], _residuals(found, shares, mean)):
        return "another shape"
    if _too_short(found):
        return "does not level off"
    if (np.minimum(found - LOWEST, HIGHEST - found)[1:] < AT_BOUND).any():
        return "another shape"
    others = (len(runs) * mean - runs) / (len(runs) - 1)
    without = [_fit(shares, each, tuple(found)).x for each in others]
    if any(map(_too_short, without)):
        return "does not level off"
    pseudo = len(runs) * _quantities(found) - (len(runs) - 1) * np.stack([*map(_quantities, without)])
    ceiling, log_midpoint, log_steepness, reached = _quantities(found)
    low, _ = _around(reached, pseudo[:, 3]).interval() or (-np.inf, np.inf)
    if low < np.log(REACHED_FROM / (1 - REACHED_FROM)):
        return "does not level off"
    return Saturation(
        ceiling=float(ceiling),
        steepness=float(np.exp(log_steepness)),
        midpoint=float(np.exp(log_midpoint)) * budget,
        pseudo=pseudo[:, :3] + [0, np.log(budget), 0],
    )


def _fit(shares: Array, mean: Array, guess: tuple[float, ...]) -> Any:
    """SciPy's result: ceiling, log steepness, and log midpoint as a share of the budget."""
    tight = {"xtol": 1e-12, "ftol": 1e-12, "gtol": 1e-12}
    return optimize.least_squares(_residuals, guess, bounds=(LOWEST, HIGHEST), args=(shares, mean), **tight)


def _residuals(found: Array, shares: Array, mean: Array) -> Array:
    """[points - 1] the curve minus the mean, after the start."""
    ceiling, steepness, midpoint = found[0], np.exp(found[1]), np.exp(found[2])
    return saturating(shares, mean[0], ceiling, steepness, midpoint) - mean[1:]


def _quantities(found: Array) -> Array:
    """[4] the ceiling, the log midpoint, the log steepness, and the log-odds of the share of the gain at the end."""
    return np.array([found[0], found[2], found[1], -np.exp(found[1]) * found[2]])


def _too_short(found: Array) -> bool:
    """Whether the ceiling or the midpoint is at its upper bound, so that the runs do not show where it is."""
    return bool((HIGHEST - found)[[0, 2]].min() < AT_BOUND)


def _misses(deviations: Array, residuals: Array) -> bool:
    """Whether the mean is farther from the curve at some point than chance explains, in corrected t-tests.

    ``deviations``: [runs, points] from the mean.
    """
    level = LEVEL / len(residuals)
    away = (deviations + abs(residuals)).T
    return any(_above(at_point, level) for at_point in away)


def _above(values: Array, level: float) -> bool:
    """Whether a two-sided t-test at ``level`` shows that the mean is above 0."""
    low, _ = over_seeds(values).interval(1 - level) or (0.0, 0.0)
    return low > NEGLIGIBLE


def _around(mean: float, pseudo: Array) -> Estimate:
    return replace(over_seeds(pseudo), mean=float(mean))
