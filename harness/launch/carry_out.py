"""An invocation carried out: its runs side by side, published meanwhile, their tables at the end."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from harness.config.run_config import RunConfig
from harness.launch.bars import Display
from harness.launch.executors.local import run_all
from harness.launch.graders import judged_otherwise, of_one_grader, told
from harness.launch.plan import Plan
from harness.launch.syncing import Published, Syncing
from harness.models.loading import locate
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
        results = of_one_grader(read_results(Journal(path).read() for _, path in runs))
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
    out_dir = OutDir(how.out)
    out_dir.prepare()
    suite, runs = planned.suite, [(config, out_dir.run_of(config)) for config in planned.runs]
    load_splits(planned.runs[0])  # what is missing shows here, before anything starts
    locate(suite.model.path)
    uri = how.tracking_uri or out_dir.tracking_uri
    workers = _side_by_side(planned, how.workers, console)
    if not how.fresh and (sentence := told(judged_otherwise(runs), len(runs))):
        console.print(f"warning: {sentence}", highlight=False)
    profile = Profile() if how.profiled else None
    publishing = Syncing(
        uri,
        out_dir,
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
    folder = out_dir.suite(suite.name)
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
