"""An invocation carried out: its runs side by side, published meanwhile, their tables at the end."""

import os
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from algorithms.trial import UnfitObjective, try_out
from harness.config.arms import objective_of
from harness.config.run_config import RunConfig, SuiteConfig
from harness.errors import HarnessError, explained
from harness.launch.bars import Display
from harness.launch.executors.executor import Broken, Ended, Executor, RunRequest, Terms
from harness.launch.executors.local import LocalExecutor
from harness.launch.graders import judged_otherwise, of_one_grader, told
from harness.launch.interrupts import Interrupts
from harness.launch.plan import Plan
from harness.launch.splitting import split_by_us
from harness.launch.syncing import Published, Syncing
from harness.models.loading import locate
from harness.records.addresses import without_password
from harness.records.claims import claimed
from harness.records.journal import JOURNAL, Journal
from harness.records.out_dir import OutDir
from harness.records.results import read_results
from harness.records.spans import Profile
from harness.report.numbers.board import build
from harness.report.pages.text import tables
from harness.report.pages.writing import write_leaderboard
from harness.report.profile import report as profile_report
from harness.report.sources import JournalSource
from harness.rollout.problems import load_splits
from harness.training.first_look import Seen

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
    anyway: bool = False
    """Train also where a first look says that there is next to nothing to learn from."""
    looked: bool = False
    """That first look has been taken."""


def invoke(planned: Plan, how: Execution, console: Console) -> bool:
    """Run everything, publish it, and print the leaderboard; False if it was interrupted."""

    def report(runs: Runs) -> list[str]:
        return write_board(planned.suite, runs, how.out, console)

    return carry_out(planned, how, report, console)


def write_board(suite: SuiteConfig, runs: Runs, out: Path, console: Console) -> list[str]:
    """Print the leaderboard of these runs and write it into the suite's folder; the names of the files."""
    out_dir = OutDir(out)
    folder = out_dir.suite(suite.name)
    results = of_one_grader(read_results(Journal(path).read() for _, path in runs))
    board = build(suite, results)
    links = JournalSource(out_dir, suite.name).links(results)
    out_dir.keep(suite)
    written = write_leaderboard(board, results, folder, links)
    console.print(tables(board), highlight=False)
    console.print(f"written: leaderboard.html, .md, .json, .csv and pictures in {folder}")
    return written


def carry_out(planned: Plan, how: Execution, report: Callable[[Runs], list[str]], console: Console) -> bool:
    """Run and publish everything, ``report`` on it once all has ended; False if it was interrupted.

    ``report`` writes tables into the suite's folder and returns the names of the files.

    Raises:
        HarnessError: another process carries one of these runs; nothing can go on; or, once the others have ended,
            errors of their own kept some runs from their end.
    """
    out_dir = OutDir(how.out)
    out_dir.prepare()
    ids = [config.run_id for config in planned.runs]
    with claimed(out_dir.suite(planned.suite.name), ids, planned.invocation.command):
        return _carry_out(planned, how, out_dir, report, console)


def _carry_out(
    planned: Plan, how: Execution, out_dir: OutDir, report: Callable[[Runs], list[str]], console: Console
) -> bool:
    suite, runs = planned.suite, [(config, out_dir.run_of(config)) for config in planned.runs]
    _try_objectives(planned.runs)
    load_splits(planned.runs[0])  # what is missing shows here, before anything starts
    if counts := split_by_us(suite.task):
        console.print(counts, highlight=False)
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
    look_first = not how.looked and (how.fresh or not _begun(runs))
    with closing(LocalExecutor(workers)) as executor, Display(console, runs) as display:
        ended = _run_all(planned, runs, how, executor, display, console, look_first=look_first)
    outcomes = [outcome for _, outcome in ended]
    finished = len(outcomes) == len(runs) and "interrupted" not in outcomes
    broken = [outcome for outcome in outcomes if isinstance(outcome, Broken)]
    folder = out_dir.suite(suite.name)
    if finished and len(broken) < len(runs):
        tables = report(runs)
        Published(invocation=planned.invocation, tables=tuple(tables)).write(folder)
    published = publishing.finish()
    if broken:
        raise _sentence(broken, len(runs))
    if not finished:
        console.print("interrupted; the same command resumes from the last evaluation of each run")
        return False
    if profile:
        console.print(*profile_report(runs, profile, folder), sep="\n", highlight=False)
        console.print(f"written: profile.md, and trace.json for ui.perfetto.dev, in {folder}")
    if published:
        console.print(f"to see the runs:  mlflow ui --backend-store-uri {without_password(uri)}")
    return True


def _try_objectives(runs: Sequence[RunConfig]) -> None:
    """Refuse an objective that fails on a made-up batch, before any run starts."""
    arms = {run.objective.name: run.objective for run in runs}
    for name, arm in arms.items():
        try:
            try_out(objective_of(arm))
        except UnfitObjective as error:
            raise HarnessError(f"{name}: {error}; no run was started") from error
        except Exception as error:  # one's own objective can fail in any way
            raise HarnessError(f"{name} fails on a made-up batch: {explained(error)}; no run was started") from error


def _run_all(
    planned: Plan,
    runs: Runs,
    how: Execution,
    executor: Executor,
    display: Display,
    console: Console,
    *,
    look_first: bool,
) -> list[Ended]:
    """How each run ended that was begun; none where the first look was interrupted."""
    requests = [RunRequest(config=config, directory=path) for config, path in runs]
    terms = Terms(invocation=planned.invocation, fresh=how.fresh, profiled=how.profiled)
    with Interrupts() as interrupts:
        if look_first:
            seen = executor.look(runs[0][0], interrupts, display.refresh)
            if seen is None:
                return []
            _judge(how, console, seen)
        return list(executor.run(requests, terms, interrupts, display.refresh))


def _sentence(broken: Sequence[Broken], runs: int) -> HarnessError:
    """What kept runs from their end, each reason once."""
    reasons = dict.fromkeys(one.reason for one in broken)
    told = "; ".join(f"{next(one.run_id for one in broken if one.reason == reason)}: {reason}" for reason in reasons)
    return HarnessError(
        f"{len(broken)} of {runs} runs did not reach their end ({told}); the same command tries them again"
    )


def _begun(runs: Runs) -> bool:
    """Whether one of the runs has: then somebody has looked."""
    return any((path / JOURNAL).is_file() for _, path in runs)


def _judge(how: Execution, console: Console, seen: Seen) -> None:
    """Say what the start policy does; refuse to train where that could teach nothing."""
    console.print(str(seen), highlight=False, markup=False)
    reason = seen.why_not()
    if reason and not how.anyway:
        raise HarnessError(reason)


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
