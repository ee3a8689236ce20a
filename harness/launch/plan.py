"""The plan of a command: its runs, checked before anything starts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from harness.config.arguments import command_line
from harness.config.arms import run_config
from harness.config.layers import replaced
from harness.config.run_config import RunConfig, SuiteConfig, digest
from harness.config.suites import load_suite
from harness.errors import HarnessError
from harness.launch.inheriting import inherited
from harness.launch.machine import settle
from harness.records.events import Invocation, PlannedRuns


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """The runs of an invocation."""

    suite: SuiteConfig
    runs: list[RunConfig]
    invocation: Invocation
    """Its record. Id and name are the same for the same command, so that a resume is the same invocation."""
    choices: list[str]
    """Lines on the choices for ``auto`` settings on this machine, with reasons."""


def plan(
    suite: str,
    changes: Sequence[tuple[str, Any]],
    algos: Sequence[str],
    seeds: Sequence[int] | None,
    regimes: Sequence[str] = (),
) -> Plan:
    """All runs of an invocation, checked. They use the suite's own regime, unless ``regimes`` names others.

    Raises:
        HarnessError: the suite, a change or an objective is wrong.
    """
    suites, choices = suites_of(suite, changes, algos, regimes)
    config = suites[0]
    choices = choices + inherited(suite, changes, suites, algos)
    chosen = list(seeds) if seeds is not None else list(range(config.seeds))
    runs = [run_config(of_regime, algo, seed) for seed in chosen for of_regime in suites for algo in algos]
    name = f"{','.join(algos)} x {len(chosen)} seed{'s' if len(chosen) > 1 else ''}"
    named = [of_regime.regime for of_regime in suites]
    name += "" if named == ["on_policy"] else f" x {', '.join(named)}"
    invocation = invocation_of(runs, name, _command(suite, changes, algos, chosen, regimes))
    return Plan(suite=config, runs=runs, invocation=invocation, choices=choices)


def invocation_of(runs: Sequence[RunConfig], name: str, command: str) -> Invocation:
    """The record of an invocation that plans these runs."""
    return Invocation(
        id=digest({"runs": [run.run_id for run in runs]}),
        name=name,
        command=command,
        plan=PlannedRuns(
            algos=tuple(dict.fromkeys(run.objective.name for run in runs)),
            regimes=tuple(dict.fromkeys(run.regime for run in runs)),
            seeds=tuple(dict.fromkeys(run.seed for run in runs)),
        ),
    )


def suites_of(
    suite: str, changes: Sequence[tuple[str, Any]], arms: Sequence[str], regimes: Sequence[str]
) -> tuple[list[SuiteConfig], list[str]]:
    """The suite in each regime with all ``auto`` settings resolved, and lines on the choices.

    Without ``regimes``, it is only in its own regime.

    Raises:
        HarnessError: the suite or a change is wrong, or an arm or a regime is named twice.
    """
    if len(set(arms)) < len(arms):
        raise HarnessError(f"--algos names an objective twice: {','.join(arms)}")
    suites = [load_suite(suite, [*changes, ("regime", regime)]) for regime in regimes] or [load_suite(suite, changes)]
    named = [of_regime.regime for of_regime in suites]
    if len(set(named)) < len(named):
        raise HarnessError(f"--regime names a regime twice: {', '.join(named)}")
    settled, choices = settle(suites[0], here=False)  # whether devices are there, the executor says
    choices += _replaced(suite, changes, suites, arms)
    update = {"model": settled.model, "compute": settled.compute}
    return [of_regime.model_copy(update=update) for of_regime in suites], choices


def _replaced(
    suite: str, changes: Sequence[tuple[str, Any]], suites: Sequence[SuiteConfig], arms: Sequence[str]
) -> list[str]:
    """A line for each arm whose own settings, such as tuned ones, were replaced by changes from the command line."""
    others = [change for change in changes if change[0].partition(".")[0] not in ("optimizer", "objectives")]
    if len(others) == len(changes):
        return []
    found: dict[str, list[str]] = {arm: [] for arm in arms}
    for after in suites:
        before = load_suite(suite, [*others, ("regime", after.regime)])
        for arm in arms:
            if gone := replaced(before, after, arm):
                found[arm].append(f"{', '.join(gone)} in {after.regime}")
    return [
        f"--set replaces the suite's settings for {arm}: {'; '.join(parts)}" for arm, parts in found.items() if parts
    ]


def _command(
    suite: str, changes: Sequence[tuple[str, Any]], algos: Sequence[str], seeds: Sequence[int], regimes: Sequence[str]
) -> str:
    """The command that makes these runs again. It names all seeds, because their default may change."""
    numbers = ",".join(map(str, seeds)) + ("," if len(seeds) == 1 else "")
    options = {"--suite": suite, "--algos": ",".join(algos), "--seeds": numbers}
    return command_line("run", options, changes, regimes)
