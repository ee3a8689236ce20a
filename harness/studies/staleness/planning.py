"""The runs of a sweep, checked before anything starts."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from harness.config.arguments import command_line
from harness.config.arms import run_config
from harness.config.layers import settings_of
from harness.config.run_config import RunConfig, SuiteConfig
from harness.errors import HarnessError
from harness.launch.inheriting import inherited
from harness.launch.plan import Plan, invocation_of, suites_of
from harness.studies.staleness.lags import Unit, in_lag, refuse_same_runs, sources, steps_of


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """The request of the command line."""

    suite: str
    changes: Sequence[tuple[str, Any]]
    arms: Sequence[str]
    lags: Sequence[int]
    unit: Unit
    settings: str
    """Which settings an arm uses at a lag, see :func:`harness.studies.staleness.lags.in_lag`."""
    seeds: Sequence[int] | None

    def command(self, seeds: Sequence[int]) -> str:
        """The command line of this request. It names all seeds, because their default may change."""
        options = {
            "--suite": self.suite,
            "--algos": ",".join(self.arms),
            "--lags": ",".join(map(str, self.lags)),
            "--in": self.unit,
            "--settings": self.settings,
            "--seeds": ",".join(map(str, seeds)) + ("," if len(seeds) == 1 else ""),
        }
        return command_line("staleness", options, self.changes)


def plans_of(asked: Asked) -> list[Plan]:
    """One plan for each set of arms that have the same lags in optimiser steps.

    The arms are split this way because an invocation runs all combinations of its arms and lags.

    Raises:
        HarnessError: the suite, a change, an arm or a lag is wrong.
    """
    (suite,), choices = suites_of(asked.suite, asked.changes, asked.arms, ["on_policy"])
    choices = choices + inherited(asked.suite, asked.changes, [suite], asked.arms)
    seeds = list(asked.seeds) if asked.seeds is not None else list(range(suite.seeds))
    together: dict[tuple[int, ...], list[_Arm]] = defaultdict(list)
    for name in asked.arms:
        arm = _arm(suite, name, asked)
        together[tuple(arm.steps)].append(arm)
    plans = []
    for arms in together.values():
        runs = [run for seed in seeds for arm in arms for run in arm.runs(seed)]
        names = ",".join(arm.name for arm in arms)
        name = f"staleness of {names} x {len(seeds)} seed{'s' if len(seeds) > 1 else ''} x {len(arms[0].steps)} lags"
        told = [*choices, *(line for arm in arms for line in arm.told())]
        invocation = invocation_of(runs, name, asked.command(seeds))
        plans.append(Plan(suite=suite, runs=runs, invocation=invocation, choices=told))
    return plans


@dataclass(frozen=True, kw_only=True, slots=True)
class _Arm:
    """An arm with its lags in optimiser steps; the first is 0."""

    name: str
    suite: SuiteConfig
    steps: list[int]
    settings: str
    absent: list[int]
    """Lags that the arm cannot have."""

    def runs(self, seed: int) -> list[RunConfig]:
        """One run per lag."""
        return [run_config(in_lag(self.suite, steps, self.settings), self.name, seed) for steps in self.steps]

    def told(self) -> list[str]:
        """Lines on which settings the arm uses at which lags, and on the lags that it cannot have."""
        where: dict[str, list[int]] = defaultdict(list)
        for steps in self.steps:
            regimes = " and ".join(sources(self.suite, self.name, steps, self.settings))
            values = settings_of(in_lag(self.suite, steps, self.settings), self.name)
            written = ", ".join(f"{key} {value}" for key, value in values.items()) or "the suite's defaults"
            where[f"uses the settings for {regimes} ({written})"].append(steps)
        lines = [f"{self.name} {taken} at {_at(steps)}" for taken, steps in where.items()]
        if self.absent:
            updates = self.runs(0)[0].optimizer.updates_per_rollout
            lines.append(
                f"{self.name} takes {updates} optimiser steps per batch, so it cannot have a lag of "
                f"{', '.join(map(str, self.absent))} steps"
            )
        return lines


def _at(steps: Sequence[int]) -> str:
    """Lags in words."""
    stale = [str(one) for one in steps if one]
    words = ["fresh completions"] if 0 in steps else []
    words += [f"lags of {', '.join(stale)} steps"] if stale else []
    return " and ".join(words)


def _arm(suite: SuiteConfig, name: str, asked: Asked) -> _Arm:
    found = {lag: steps_of(suite, name, lag, asked.unit, asked.settings) for lag in asked.lags}
    there = {lag: steps for lag, steps in found.items() if steps is not None}
    if not there:
        raise HarnessError(
            f"{name} cannot have any of the lags {', '.join(map(str, asked.lags))} in steps; count them --in batches"
        )
    arm = _Arm(
        name=name,
        suite=suite,
        steps=[0, *there.values()],
        settings=asked.settings,
        absent=[lag for lag in found if lag not in there],
    )
    refuse_same_runs(arm.runs(0)[1:], list(there))
    return arm
