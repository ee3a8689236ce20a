"""The content of ``pass-at-k.json``: pass@k of each objective, and its difference to the model before training."""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from evaluators.statistics.accuracy import pass_at_k
from evaluators.statistics.estimates import paired_difference
from harness.config.regime import RegimeSpec
from harness.errors import HarnessError
from harness.report.numbers.interval import Interval
from harness.studies.passes.counts import START, Counts, Sampled


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    """pass@k for one k."""

    k: int
    accuracy: Interval
    """For other seeds and other problems; for the start, for other problems."""
    gain: Interval | None
    """The difference to the start, paired by problem, for other seeds and other problems. None for the start."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Curve:
    """One objective in one regime, or the start."""

    objective: str
    regime: str
    seeds: tuple[int, ...]
    points: tuple[Point, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Passes:
    """The whole document."""

    suite: str
    command: str
    """The command that sampled."""
    limit: int | None
    """The number of problems in a quick look. None for full runs."""
    problems: int
    samples: int
    start: Curve
    curves: tuple[Curve, ...]
    """By regime, best pass@1 first."""

    @property
    def regimes(self) -> list[str]:
        return list(dict.fromkeys(curve.regime for curve in self.curves))

    @property
    def ks(self) -> list[int]:
        return [point.k for point in self.start.points]

    def as_json(self) -> str:
        return json.dumps(asdict(self), indent=1) + "\n"


def passes_of(sampled: Sampled) -> Passes:
    """The curves of all models.

    Raises:
        HarnessError: a model was measured on other problems or with another number of samples, there is no start, or
            there is nothing else.
    """
    found = sampled.models
    if len({(one.problems, one.samples) for one in found}) > 1:
        raise HarnessError("these models have different problems or numbers of samples; sample them again with --fresh")
    starts = [one for one in found if one.of_start]
    if len(starts) != 1:
        raise HarnessError(f"there must be one model before training, not {len(starts)}")
    if len(found) == 1:
        raise HarnessError("there is only the model before training; sample the models of some runs")
    samples = starts[0].samples
    arms: dict[tuple[str, str], list[Counts]] = defaultdict(list)
    for one in sorted((one for one in found if not one.of_start), key=lambda one: one.seed):
        arms[one.objective, one.regime].append(one)
    ks = sorted({samples, *(2**power for power in range(samples.bit_length()))})
    before = {k: _passed([starts[0]], k) for k in ks}
    curves = [_curve(objective, regime, runs, before) for (objective, regime), runs in arms.items()]
    curves.sort(
        key=lambda curve: (RegimeSpec.parse(curve.regime).order, -curve.points[0].accuracy.mean, curve.objective)
    )
    points = [Point(k=k, accuracy=Interval.over_problems(table[0]), gain=None) for k, table in before.items()]
    return Passes(
        suite=sampled.suite,
        command=sampled.command,
        limit=sampled.limit,
        problems=len(starts[0].problems),
        samples=samples,
        start=Curve(objective=START, regime="", seeds=(), points=tuple(points)),
        curves=tuple(curves),
    )


def _curve(objective: str, regime: str, runs: Sequence[Counts], before: dict[int, NDArray[np.float64]]) -> Curve:
    points = []
    for k, start in before.items():
        table = _passed(runs, k)
        gain = Interval.of(paired_difference(table, np.broadcast_to(start, table.shape)))
        points.append(Point(k=k, accuracy=Interval.over_seeds_and_problems(table), gain=gain))
    return Curve(objective=objective, regime=regime, seeds=tuple(run.seed for run in runs), points=tuple(points))


def _passed(runs: Sequence[Counts], k: int) -> NDArray[np.float64]:
    """[runs, problems] the probability that one of k samples is correct."""
    return np.stack([pass_at_k(np.arange(run.samples) < run.correct[:, None], k) for run in runs])
