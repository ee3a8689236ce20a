"""One ``harness run``: its plan, its runs side by side, their tables."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from harness.config.arguments import command_line
from harness.config.arms import replaced, run_config
from harness.config.run_config import RunConfig, SuiteConfig, digest
from harness.config.suites import load_suite
from harness.errors import HarnessError
from harness.launch.bars import Display
from harness.launch.executors.local import run_all
from harness.launch.machine import settle
from harness.launch.syncing import Published, Syncing
from harness.models.loading import locate
from harness.records.events import Invocation, PlannedRuns
from harness.records.journal import Journal
from harness.records.out_dir import OutDir
from harness.records.results import read_results
from harness.records.spans import Profile
from harness.report.numbers.board import build
from harness.report.pages.text import tables
from harness.report.pages.writing import write_leaderboard
from harness.report.profile import report as profile_report
from harness.report.sources import JournalSource
from harness.rollout.problems import load_splits

Runs = Sequence[tuple[RunConfig, Path]]
"""With their directories."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What an invocation runs."""

    suite: SuiteConfig
    runs: list[RunConfig]
    invocation: Invocation
    """Its id and name, the same for the same command, so that a resume is the same invocation; the command; and what
    it planned."""
    choices: list[str]
    """What ``auto`` became on this machine, and why."""


def plan(
    suite: str,
    changes: Sequence[tuple[str, Any]],
    algos: Sequence[str],
    seeds: Sequence[int] | None,
    regimes: Sequence[str] = (),
) -> Plan:
    """All runs of an invocation, checked; in the suite's own regime unless ``regimes`` names others.

    Raises:
        HarnessError: anything about suite, changes or objectives is wrong.
    """
    suites, choices = suites_of(suite, changes, algos, regimes)
    config = suites[0]
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
    """The suite in each regime, nothing left to ``auto``, and what was chosen for it; its own regime without any.

    Raises:
        HarnessError: suite or changes are wrong, or an arm or a regime is named twice.
    """
    if len(set(arms)) < len(arms):
        raise HarnessError(f"--algos names an objective twice: {','.join(arms)}")
    suites = [load_suite(suite, [*changes, ("regime", regime)]) for regime in regimes] or [load_suite(suite, changes)]
    named = [of_regime.regime for of_regime in suites]
    if len(set(named)) < len(named):
        raise HarnessError(f"--regime names one twice: {', '.join(named)}")
    settled, choices = settle(suites[0])
    choices += _replaced(suite, changes, suites, arms)
    update = {"model": settled.model, "compute": settled.compute}
    return [of_regime.model_copy(update=update) for of_regime in suites], choices


def _replaced(
    suite: str, changes: Sequence[tuple[str, Any]], suites: Sequence[SuiteConfig], arms: Sequence[str]
) -> list[str]:
    """A line for each arm whose own settings, tuned ones above all, gave way to changes from the command line."""
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
        f"--set replaces what the suite sets for {arm}: {'; '.join(parts)}" for arm, parts in found.items() if parts
    ]


@dataclass(frozen=True, kw_only=True, slots=True)
class Execution:
    """Where and how an invocation's runs are carried out."""

    out: Path
    tracking_uri: str | None
    workers: int | None
    """None: as cores allow."""
    fresh: bool
    profiled: bool = False


def invoke(planned: Plan, how: Execution, console: Console) -> bool:
    """Run everything, publish it, and print the leaderboard; False if it was interrupted."""
    suite = planned.suite
    folder = OutDir(how.out).suite(suite.name)

    def report(runs: Runs) -> list[str]:
        results = read_results(Journal(path).read() for _, path in runs)
        board = build(suite, results)
        links = JournalSource(OutDir(how.out), suite.name).links(results)
        written = write_leaderboard(board, results, folder, links)
        console.print(tables(board), highlight=False)
        console.print(f"written: leaderboard.html, .md, .json, .csv and pictures in {folder}")
        return written

    return carry_out(planned, how, report, console)


def carry_out(planned: Plan, how: Execution, report: Callable[[Runs], list[str]], console: Console) -> bool:
    """Run and publish everything, ``report`` on it once all has ended; False if it was interrupted.

    ``report`` writes tables into the suite's folder and returns the names of the files.
    """
    store = OutDir(how.out)
    store.prepare()
    suite, runs = planned.suite, [(config, store.run_of(config)) for config in planned.runs]
    load_splits(planned.runs[0])  # what is missing shows here, before anything starts
    locate(suite.model.path)
    uri = how.tracking_uri or store.tracking_uri
    workers = _side_by_side(planned, how.workers, console)
    profile = Profile() if how.profiled else None
    publishing = Syncing(
        uri,
        store,
        suite.name,
        [path for _, path in runs],
        planned.invocation,
        warn=lambda m: console.print(f"warning: {m}"),
        profile=profile,
    )
    publishing.start()
    with Display(console, runs) as display:
        outcomes = run_all(
            runs, planned.invocation, workers=workers, fresh=how.fresh, profiled=how.profiled, watch=display.refresh
        )
    finished = len(outcomes) == len(runs) and "interrupted" not in outcomes
    folder = store.suite(suite.name)
    if finished:
        tables = report(runs)
        Published(invocation=planned.invocation, tables=tuple(tables)).write(folder)
    published = publishing.finish()
    if not finished:
        console.print("interrupted; the same command resumes from the last evaluation of each run")
        return False
    if profile:
        console.print(*profile_report(runs, profile, folder), sep="\n", highlight=False)
        console.print(f"written: profile.md, and trace.json for ui.perfetto.dev, in {folder}")
    if published:
        console.print(f"to see the runs:  mlflow ui --backend-store-uri {uri}")
    return True


def _side_by_side(planned: Plan, asked: int | None, console: Console) -> int:
    """How many runs at a time; says so, and what was chosen for this machine."""
    suite, runs = planned.suite, len(planned.runs)
    cores, threads = os.cpu_count() or 1, suite.compute.threads
    fitting = max(1, cores // threads)
    side_by_side = 1 if suite.model.device == "cuda" else fitting
    workers = min(asked or side_by_side, runs)
    console.print(
        f"{planned.invocation.name} of {suite.name}: {runs} runs, {suite.budget.total:,.0f} "
        f"{suite.budget.unit.replace('_', ' ')} each, {workers} at a time"
    )
    if workers > fitting:  # the threads of a run are part of its config: its bits depend on them
        console.print(
            f"warning: {workers} workers of {threads} thread{'s' if threads > 1 else ''} each share {cores} cores and "
            f"slow each other down; {side_by_side} at a time fit"
        )
    for choice in planned.choices:
        console.print(choice, highlight=False)
    return workers


def _command(
    suite: str, changes: Sequence[tuple[str, Any]], algos: Sequence[str], seeds: Sequence[int], regimes: Sequence[str]
) -> str:
    """What makes these runs again; seeds are spelt out, as their default may change."""
    numbers = ",".join(map(str, seeds)) + ("," if len(seeds) == 1 else "")
    options = {"--suite": suite, "--algos": ",".join(algos), "--seeds": numbers}
    return command_line("run", options, changes, regimes)
