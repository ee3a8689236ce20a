"""The content of ``staleness.json``: runs at several lags as one document."""

import json
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from evaluators.statistics.estimates import over_seeds
from harness.config.run_config import RunConfig, SuiteConfig, digest
from harness.errors import HarnessError
from harness.records.results import RunResult
from harness.report.numbers.document import Spread
from harness.report.numbers.interval import Interval
from harness.report.numbers.matching import refuse_unmatched
from harness.report.numbers.rows import finished
from harness.report.numbers.spread import spread
from harness.studies.staleness.lags import Unit, lag_of


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    """An arm at one lag. Lag 0 means fresh completions."""

    batches: int
    """The lag in rollout batches."""
    steps: int
    """The lag in optimiser steps."""
    accuracy: Interval | None
    """Test accuracy of the finished runs, for these test problems."""
    spread: Spread | None
    """How much these runs vary, and which of them collapsed."""
    trained: int | None
    """The number of batches that a finished run trained on. If runs differ, the smallest number."""
    age: float | None
    """The mean age of these batches, in batches. The first ones are younger than the lag."""
    seeds: tuple[int, ...]
    """Seeds of the finished runs. The next three fields hold the other seeds."""
    failed: tuple[int, ...]
    unfinished: tuple[int, ...]
    missing: tuple[int, ...]
    """Planned, but never started."""
    settings: dict[str, Any]
    """The fields of the objective and the settings of the optimiser."""
    run_ids: tuple[str, ...]

    @property
    def of_start(self) -> bool:
        """Whether all completions come from the start policy, so that any larger lag would give the same training."""
        return bool(self.batches and self.trained and self.batches >= self.trained - 1)

    def lag(self, unit: Unit) -> int:
        return self.batches if unit == "batches" else self.steps


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """An arm at all of its lags, smallest first."""

    arm: str
    points: tuple[Point, ...]

    @property
    def stale(self) -> tuple[Point, ...]:
        return tuple(point for point in self.points if point.batches)

    def at(self, lag: int, unit: Unit) -> Point | None:
        """The point at this lag, if there is one."""
        return next((point for point in self.points if point.lag(unit) == lag), None)

    @property
    def one_setting(self) -> bool:
        """Whether all stale points have the same settings, so that they differ only in the lag."""
        return len({digest(point.settings) for point in self.stale}) < 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Sweep:
    """All arms of a suite at all lags."""

    suite: str
    unit: Unit
    """The unit of the lags in the table."""
    lags: tuple[int, ...]
    """The columns of the table; the first is 0."""
    lines: tuple[Line, ...]

    @property
    def same_in_steps(self) -> bool:
        """Whether every arm takes one step per batch, so that both units agree."""
        return all(point.batches == point.steps for line in self.lines for point in line.points)

    def as_json(self) -> str:
        return json.dumps(asdict(self), indent=1) + "\n"


def sweep_of(
    suite: SuiteConfig,
    results: Sequence[RunResult],
    unit: Unit,
    *,
    lags: Collection[int] | None = None,
    planned: Sequence[RunConfig] = (),
) -> Sweep:
    """The sweep of all runs on fresh and on stale completions.

    There is one line per arm, or one per setting if an arm has several settings at one lag.

    Args:
        lags: the lags to show besides 0, whether or not they have runs. The default is all lags of the runs.
        planned: runs that count as missing if they have not started.

    Raises:
        HarnessError: there is no such run, or the runs are not matched.
    """
    runs = [run for run in results if _wanted(run.config, unit, lags)]
    if not any(lag_of(run.config) for run in runs):
        asked = f" of {', '.join(map(str, sorted(lags)))} {unit}" if lags else ""
        raise HarnessError(
            f"no run of the suite {suite.name} here has a lag{asked}; make such runs with harness staleness"
        )
    refuse_unmatched(runs)
    begun = {run.run_id for run in runs}
    absent = [config for config in planned if config.run_id not in begun]
    names = _names([*(run.config for run in runs), *absent])
    places: dict[tuple[str, int], list[RunResult]] = defaultdict(list)
    missing: dict[tuple[str, int], list[RunConfig]] = defaultdict(list)
    for run in runs:
        places[names[_settings_key(run.config)], lag_of(run.config)].append(run)
    for config in absent:
        missing[names[_settings_key(config)], lag_of(config)].append(config)
    points: dict[str, list[Point]] = defaultdict(list)
    for name, lag in sorted({*places, *missing}):
        points[name].append(_point(places[name, lag], missing[name, lag]))
    lines = tuple(Line(arm=name, points=tuple(found)) for name, found in points.items())
    there = {point.lag(unit) for line in lines for point in line.points}
    columns = sorted({0, *lags} if lags else there)
    return Sweep(suite=suite.name, unit=unit, lags=tuple(columns), lines=lines)


def _wanted(config: RunConfig, unit: Unit, lags: Collection[int] | None) -> bool:
    spec = config.regime_spec
    lag = lag_of(config) if unit == "batches" else spec.steps
    return spec.kind in ("on_policy", "stale") and (lags is None or lag in {0, *lags})


def _settings(config: RunConfig) -> dict[str, Any]:
    """The settings that may differ between arms. Settings that were added later are left out if they have defaults."""
    told = {key: value for key, value in config.objective.identity().items() if value is not None}
    own = {key: value for key, value in told.items() if key not in ("name", "objective")}
    return own | {"optimizer": config.optimizer.identity()}


def _settings_key(config: RunConfig) -> str:
    objective = config.objective
    return digest({"name": objective.name, "objective": objective.objective, "settings": _settings(config)})


def _names(configs: Sequence[RunConfig]) -> Mapping[str, str]:
    """Names by settings key: the arm, followed by the key if the arm has several settings at one lag."""
    at: dict[tuple[str, int], set[str]] = defaultdict(set)
    for config in configs:
        at[config.objective.name, lag_of(config)].add(_settings_key(config))
    several = {name for (name, _), keys in at.items() if len(keys) > 1}
    return {
        (key := _settings_key(config)): f"{name} ({key})" if (name := config.objective.name) in several else name
        for config in configs
    }


def _point(runs: Sequence[RunResult], absent: Sequence[RunConfig]) -> Point:
    config = (runs[0].config if runs else None) or absent[0]
    lag, done = lag_of(config), finished(runs)
    trained = [int(run.spent["optimizer_steps"]) // config.optimizer.updates_per_rollout for run in done]
    ages = [min(turn, lag) for count in trained for turn in range(count)]
    ends = [run.test.summary.accuracy for run in done if run.test]

    def seeds(status: str) -> tuple[int, ...]:
        return tuple(sorted(run.config.seed for run in runs if run.status == status))

    return Point(
        batches=lag,
        steps=config.regime_spec.steps,
        accuracy=Interval.of(over_seeds(ends)) if ends else None,
        spread=spread(done),
        trained=min(trained, default=None),
        age=sum(ages) / len(ages) if ages else None,
        seeds=seeds("finished"),
        failed=seeds("failed"),
        unfinished=seeds("unfinished"),
        missing=tuple(sorted(one.seed for one in absent)),
        settings=_settings(config),
        run_ids=tuple(sorted(run.run_id for run in runs)),
    )
