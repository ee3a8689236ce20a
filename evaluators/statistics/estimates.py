"""Statistics for few training runs: estimates with t-distributions, and tests. Pure functions of arrays.

Seeds are the unit of replication. With few seeds, a percentile bootstrap is too narrow, but a t-interval is not.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, stats

IQM_FROM = 4
"""The smallest number of tasks for which an interquartile mean omits any."""

QUANTILES = 32
"""The number of quantiles of the error's distribution over which a power is averaged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A mean, with its standard error and degrees of freedom; without an error for a single seed."""

    mean: float
    error: float | None
    df: float | None

    def interval(self, confidence: float = 0.95) -> tuple[float, float] | None:
        """Student's t-interval, which covers the true mean with probability ``confidence``."""
        if not 0 < confidence < 1:
            raise ValueError(f"confidence must lie between 0 and 1, not {confidence}")
        if self.error is None:
            return None
        half = float(stats.t.ppf((1 + confidence) / 2, df=self.df)) * self.error
        return self.mean - half, self.mean + half

    def p_value(self) -> float | None:
        """The two-sided p-value of the hypothesis that the true mean is 0."""
        return None if self.error is None else min(1.0, 2 * self._beyond(abs(self.mean)))

    def equivalence(self, margin: float) -> float | None:
        """The p-value of two one-sided tests (Schuirmann 1987) that the true mean is at least ``margin`` away from 0.

        If it is small, the true mean is within the margin.
        """
        if margin <= 0:
            raise ValueError(f"a margin must be positive, not {margin}")
        return None if self.error is None else self._beyond(margin - abs(self.mean))

    def detectable(self, power: float = 0.8, level: float = 0.05) -> float | None:
        """The smallest true mean that such a study detects with probability ``power`` by a two-sided test.

        The error is itself an estimate. Therefore the power is averaged over the distribution of the true error. If the
        estimate were used as the true error, a mean with a nominal power of 80 % would be detected in 69 % of all cases
        with five seeds.
        """
        if not level < power < 1:
            raise ValueError(f"power must lie between the level {level} and 1, not {power}")
        if self.error is None:
            return None
        bound = stats.t.ppf(1 - level / 2, df=self.df)

        quantiles = (np.arange(QUANTILES) + 0.5) / QUANTILES
        estimated = (stats.chi2.ppf(quantiles, self.df) / self.df) ** 0.5  # this error, in true ones

        def lacking(shift: float) -> float:
            """The missing power. The other tail is not counted, because it has the wrong sign."""
            return float(stats.nct.sf(bound, self.df, shift * estimated).mean()) - power

        return float(optimize.brentq(lacking, 0.0, 20 * bound + 50, rtol=1e-6)) * self.error

    def _beyond(self, distance: float) -> float:
        """The probability that the estimate is this far above the true value."""
        if not self.error:
            return float(distance < 0) if distance else 0.5
        return float(stats.t.sf(distance / self.error, df=self.df))


def over_seeds(values: ArrayLike) -> Estimate:
    """The mean of ``values``, [seeds], with one finite number per training run."""
    sample = finite(values, dimensions=1)
    if len(sample) == 1:
        return Estimate(mean=float(sample[0]), error=None, df=None)
    error = float(sample.std(ddof=1)) / len(sample) ** 0.5
    return Estimate(mean=float(sample.mean()), error=error, df=len(sample) - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class MeanSquares:
    """The mean squares of a table over seeds and problems, with two-way random effects.

    Each mean square includes the variance of single cells, which is ``of_cells``.
    """

    mean: float
    seeds: int
    problems: int
    of_seeds: float
    of_problems: float
    of_cells: float

    @classmethod
    def of(cls, table: NDArray[np.float64]) -> "MeanSquares":
        """``table``: [seeds, problems], two or more of each."""
        seeds, problems = table.shape
        of_seeds, of_problems, of_cells = mean_squares(table).tolist()
        return cls(
            mean=float(table.mean()),
            seeds=seeds,
            problems=problems,
            of_seeds=of_seeds,
            of_problems=of_problems,
            of_cells=of_cells,
        )

    def with_seeds(self, seeds: int) -> "MeanSquares":
        """The expected mean squares with another number of seeds and the same variances."""
        of_problem = max(self.of_problems - self.of_cells, 0.0) / self.seeds
        return replace(self, seeds=seeds, of_problems=self.of_cells + seeds * of_problem)

    def estimate(self) -> Estimate:
        """The mean, for other seeds and other problems: see :func:`paired_difference`."""
        squares = np.array([self.of_seeds, self.of_problems, self.of_cells])
        error, df = two_way_error(squares, self.seeds, self.problems)
        return Estimate(mean=self.mean, error=float(error), df=float(df))


def mean_squares(tables: NDArray[np.float64]) -> NDArray[np.float64]:
    """[..., 3] mean squares of seeds, problems and cells of [..., seeds, problems], two or more of each."""
    seeds, problems = tables.shape[-2:]
    mean = tables.mean(axis=(-2, -1), keepdims=True)
    by_seed, by_problem = tables.mean(axis=-1, keepdims=True), tables.mean(axis=-2, keepdims=True)
    cells = ((tables - by_seed - by_problem + mean) ** 2).sum(axis=(-2, -1))
    found = problems * ((by_seed - mean) ** 2).sum(axis=(-2, -1)), seeds * ((by_problem - mean) ** 2).sum(axis=(-2, -1))
    return np.asarray(np.stack([*found, cells], axis=-1) / _dfs(seeds, problems), dtype=np.float64)


def two_way_error(
    squares: NDArray[np.float64], seeds: int, problems: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """[...] standard errors of the means of such tables, and their degrees of freedom. ``squares``: [..., 3]."""
    of_seeds, of_problems, of_cells = np.moveaxis(squares, -1, 0)
    dfs = _dfs(seeds, problems)
    variance = np.maximum(of_seeds + of_problems - of_cells, np.maximum(of_seeds, of_problems))
    some = np.where(variance > 0, variance, 1.0)  # of tables whose cells are all the same, any will do
    share = np.maximum(of_seeds - of_cells, 0) / some  # of the seeds
    parts = np.where(variance > 0, (squares**2 / dfs).sum(axis=-1), 1.0)
    df = np.minimum(some**2 / parts, 1 / (share / dfs[0] + (1 - share) / dfs[1]))
    df = np.where(variance > 0, np.maximum(df, min(seeds, problems) - 1), seeds - 1)
    return (variance / (seeds * problems)) ** 0.5, df


def _dfs(seeds: int, problems: int) -> NDArray[np.float64]:
    return np.array([seeds - 1, problems - 1, (seeds - 1) * (problems - 1)], dtype=np.float64)


def two_way(table: ArrayLike) -> Estimate:
    """The mean of ``table``, [seeds, problems], for other seeds and other problems.

    With a single problem, it is for other seeds only; with a single seed, it has no error.
    """
    cells = finite(table, dimensions=2)
    if 1 in cells.shape:
        return over_seeds(cells.mean(axis=1))
    return MeanSquares.of(cells).estimate()


def paired_difference(a: ArrayLike, b: ArrayLike) -> Estimate:
    """The difference ``a - b``, for other seeds and other problems.

    Seeds and problems are both random effects. The variance of the mean is
    ``(MS_seeds + MS_problems - MS_cells) / (seeds * problems)``, but at least that of either effect alone. Its degrees
    of freedom are Satterthwaite's (1946), or the harmonic mean weighted by the shares of the variances if that is
    smaller. Satterthwaite's are too many if few seeds contribute a large part of the variance, but not most of it.

    With three or more seeds, 95 % intervals cover 93 to 97 %, whichever part dominates. They cover up to 98.5 % if the
    only variation is that of the samples, and only 88 % with two seeds. The excess is necessary, because few seeds
    cannot show that seeds do not vary: with five seeds that vary a little, at the levels of Holm's correction, a
    narrower interval covers 99.0 instead of 99.5 %.

    Args:
        a: [seeds, problems] accuracies of one objective.
        b: [seeds, problems] accuracies of another one, with the same seeds and problems in the same order.
    """
    return two_way(paired(a, b))


def paired(a: ArrayLike, b: ArrayLike) -> NDArray[np.float64]:
    """[seeds, problems] ``a`` minus ``b``.

    Raises:
        ValueError: they have different shapes.
    """
    first, second = finite(a, dimensions=2), finite(b, dimensions=2)
    if first.shape != second.shape:
        raise ValueError(f"pairs need the same seeds and problems, not {first.shape} and {second.shape}")
    return first - second


def holm(p_values: ArrayLike) -> NDArray[np.float64]:
    """p-values corrected for their number (Holm 1979), in the same order. ``p_values``: [tests]."""
    p = np.asarray(p_values, dtype=np.float64)
    if p.ndim != 1 or not ((p >= 0) & (p <= 1)).all():
        raise ValueError("need p-values between 0 and 1, in one dimension")
    return step_down(p)


def step_down(p: NDArray[np.float64], absent: int = 0) -> NDArray[np.float64]:
    """Holm's correction of ``p``, [tests, ...], along the first axis. ``absent``: the number of further tests."""
    order = np.argsort(p, axis=0, kind="stable")
    factors = np.arange(len(p), 0, -1) + absent
    raised = np.take_along_axis(p, order, axis=0) * factors.reshape(-1, *(1 for _ in p.shape[1:]))
    corrected = np.empty_like(p)
    np.put_along_axis(corrected, order, np.minimum(1, np.maximum.accumulate(raised, axis=0)), axis=0)
    return corrected


def probability_of_improvement(a: ArrayLike, b: ArrayLike) -> float:
    """The probability that a run of ``a`` beats one of ``b`` (Agarwal et al. 2021). A tie counts half. Both [seeds]."""
    first, second = finite(a, dimensions=1)[:, None], finite(b, dimensions=1)
    return float(((first > second) + 0.5 * (first == second)).mean())


def mean_over_budget(spent: ArrayLike, accuracy: ArrayLike) -> NDArray[np.float64]:
    """[seeds] the mean accuracy during training: the area under accuracy against budget, divided by its span.

    Args:
        spent: [points] spent budget, rising.
        accuracy: [seeds, points] accuracies at these points.
    """
    x, y = finite(spent, dimensions=1), finite(accuracy, dimensions=2)
    if len(x) < 2 or (np.diff(x) <= 0).any() or y.shape[1] != len(x):
        raise ValueError(f"need two rising points or more, and accuracies at each, not {x.shape} and {y.shape}")
    return np.asarray(np.trapezoid(y, x, axis=1) / (x[-1] - x[0]), dtype=np.float64)


def iqm(scores: ArrayLike) -> NDArray[np.float64]:
    """[seeds] interquartile mean over tasks (Agarwal et al. 2021). ``scores``: [seeds, tasks], four tasks or more."""
    table = finite(scores, dimensions=2)
    if table.shape[1] < IQM_FROM:
        raise ValueError(f"an interquartile mean needs {IQM_FROM} tasks or more, not {table.shape[1]}")
    return np.asarray(stats.trim_mean(table, 0.25, axis=1), dtype=np.float64)


def finite(values: ArrayLike, *, dimensions: int) -> NDArray[np.float64]:
    """``values`` as an array of finite numbers.

    Raises:
        ValueError: it is empty, has another number of dimensions, or has numbers that are not finite.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != dimensions or array.size == 0:
        raise ValueError(f"need a non-empty array of {dimensions} dimensions, not shape {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError("need finite numbers; leave failed seeds out and count them")
    return array
