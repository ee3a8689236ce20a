"""Executing an invocation: trains its runs in parallel, publishes them meanwhile, and writes tables at the end."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path

from algorithms.trial import UnfitObjective, try_out
from harness.config.arms import objective_of
from harness.config.run_config import RunConfig, SuiteConfig
from harness.errors import HarnessError, explained
from harness.launch.bars import Display
from harness.launch.execution import Execution, Runs
from harness.launch.executors.choosing import executor_of, running
from harness.launch.executors.executor import Broken, Ended, Executor, RunRequest, Terms
from harness.launch.graders import judged_otherwise, of_one_grader, told
from harness.launch.interrupts import Interrupts
from harness.launch.parted import WRITING, all_ended, there
from harness.launch.plan import Plan
from harness.launch.scheduling import longest_first
from harness.launch.splitting import split_by_us
from harness.launch.syncing import Published, Syncing, where_to_look
from harness.models.loading import locate
from harness.records.claims import PATIENCE, claimed
from harness.records.journal import JOURNAL, Journal
from harness.records.locks import locked
from harness.records.out_dir import OutDir
from harness.records.results import read_results
from harness.records.spans import Profile
from harness.report.numbers.board import build
from harness.report.numbers.document import MissingRun
from harness.report.pages.text import tables
from harness.report.pages.writing import write_leaderboard
from harness.report.profile import report as profile_report
from harness.report.sources import JournalSource
from harness.rollout.problems import load_splits
from harness.terminal import Terminal
from harness.training.first_look import Seen


def invoke(planned: Plan, how: Execution, console: Terminal) -> bool:
    """Train and publish all runs, and print the leaderboard. False if interrupted."""

    def report(runs: Runs) -> list[str]:
        begun = {config.run_id for config, _ in runs}
        absent = [
            MissingRun(objective=config.objective.name, regime=config.regime, seed=config.seed)
            for config in planned.runs
            if config.run_id not in begun
        ]
        return write_board(planned.suite, runs, how.out, console, absent)

    return carry_out(planned, how, report, console)


def write_board(
    suite: SuiteConfig, runs: Runs, out: Path, console: Terminal, missing: Sequence[MissingRun] = ()
) -> list[str]:
    """Print the leaderboard of these runs, write it into the folder of the suite, and return the names of the files."""
    out_dir = OutDir(out)
    folder = out_dir.suite(suite.name)
    results = of_one_grader(read_results(Journal(path).read() for _, path in runs))
    board = build(suite, results, missing)
    links = JournalSource(out_dir, suite.name).links(results)
    out_dir.keep(suite)
    written = write_leaderboard(board, results, folder, links)
    console.show(tables(board, explain=console.explain), board.as_json)
    console.say(f"wrote leaderboard.html, .md, .json, .csv and pictures to {folder}")
    return written


def carry_out(
    planned: Plan,
    how: Execution,
    report: Callable[[Runs], list[str]],
    console: Terminal,
    *,
    needs: Sequence[RunConfig] = (),
) -> bool:
    """Train and publish all runs, and call ``report`` when all have ended. False if interrupted.

    ``report`` writes tables into the folder of the suite, and returns the names of the files. If this is a part of a
    sweep, ``report`` also gets the existing runs of other parts, and it is only called if all runs in ``needs`` have
    ended.

    Raises:
        HarnessError: another process is training one of these runs, no run can go on, or some runs broke with errors
            of their own. The last is raised after the other runs have ended.
    """
    out_dir = OutDir(how.out)
    chosen = how.part.of(planned.runs, how.forecaster) if how.part else planned.runs
    if not chosen:
        console.say(f"part {how.part} has no runs, because {planned.invocation.name} has only {len(planned.runs)}")
        return True
    out_dir.prepare()
    with claimed(out_dir.suite(planned.suite.name), [run.run_id for run in chosen], planned.invocation.command):
        return _carry_out(planned, chosen, how, out_dir, report, console, needs)


def _carry_out(
    planned: Plan,
    chosen: Sequence[RunConfig],
    how: Execution,
    out_dir: OutDir,
    report: Callable[[Runs], list[str]],
    console: Terminal,
    needs: Sequence[RunConfig],
) -> bool:
    suite, runs = planned.suite, [(config, out_dir.run_of(config)) for config in chosen]
    _refuse_what_would_fail(suite, chosen, console)
    uri = how.tracking_uri or out_dir.tracking_uri
    make = executor_of(planned, chosen, how, console)
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
    try:
        publishing.start()
        look_first = not how.looked and (how.fresh or not _begun(runs))
        hours = [how.forecaster.hours(config) for config in chosen]
        with running(make) as executor, Display(console, runs, hours) as display:
            ended = _run_all(planned, runs, how, executor, display, console, look_first=look_first)
    except KeyboardInterrupt:
        console.print("stopped immediately; the same command resumes each run from its last checkpoint")
        return False
    outcomes = [outcome for _, outcome in ended]
    finished = len(outcomes) == len(runs) and "interrupted" not in outcomes
    broken = [outcome for outcome in outcomes if isinstance(outcome, Broken)]
    folder = out_dir.suite(suite.name)
    if finished and len(broken) < len(runs):
        _write_tables(planned, runs, how, folder, report, console, needs)
    published = publishing.finish()
    if broken:
        raise _sentence(broken, len(runs))
    if not finished:
        console.print("interrupted; the same command resumes each run from its last checkpoint")
        return False
    if profile:
        console.print(*profile_report(runs, profile, folder), sep="\n", highlight=False)
        console.say(f"wrote profile.md, and trace.json for ui.perfetto.dev, to {folder}")
    if published:
        for line in where_to_look(uri, publishing.views):
            console.say(line)
    return True


def _refuse_what_would_fail(suite: SuiteConfig, runs: Sequence[RunConfig], console: Terminal) -> None:
    """Refuse objectives that fail, missing data and a missing model, before anything starts."""
    _try_objectives(runs)
    load_splits(runs[0])
    if counts := split_by_us(suite.task):
        console.say(counts)
    locate(suite.model.path)


def _write_tables(
    planned: Plan,
    runs: Runs,
    how: Execution,
    folder: Path,
    report: Callable[[Runs], list[str]],
    console: Terminal,
    needs: Sequence[RunConfig],
) -> None:
    """Call ``report``. A part of a sweep includes the runs of other parts, and waits until ``needs`` have ended."""
    with locked(folder / WRITING, patience=PATIENCE) if how.part else nullcontext():
        at_hand = there(planned.runs, how.out, console) if how.part else runs
        waits = how.part is not None and not all_ended(needs, how.out, console)
        written = [] if waits else report(at_hand)
        Published(invocation=planned.invocation, tables=tuple(written)).write(folder)


def _try_objectives(runs: Sequence[RunConfig]) -> None:
    """Refuse an objective that fails on a made-up batch, before any run starts."""
    arms = {run.objective.model_dump_json(): run.objective for run in runs}
    for arm in arms.values():
        name = arm.name
        try:
            try_out(objective_of(arm))
        except UnfitObjective as error:
            raise HarnessError(f"{name}: {error}; no run was started") from error
        except Exception as error:  # a user's objective can fail in any way
            raise HarnessError(f"{name} fails on a made-up batch: {explained(error)}; no run was started") from error


def _run_all(
    planned: Plan,
    runs: Runs,
    how: Execution,
    executor: Executor,
    display: Display,
    console: Terminal,
    *,
    look_first: bool,
) -> list[Ended]:
    """Train the runs, and return how each of them ended. Empty if the first look was interrupted."""
    paths = {config.run_id: path for config, path in runs}
    requests = [
        RunRequest(config=config, directory=paths[config.run_id], devices=config.compute.devices)
        for config in longest_first([config for config, _ in runs], how.forecaster)
    ]
    terms = Terms(invocation=planned.invocation, fresh=how.fresh, profiled=how.profiled)

    def watch() -> None:
        display.refresh(executor.running())

    with Interrupts() as interrupts:
        if look_first:
            seen = executor.look(runs[0][0], interrupts, watch)
            if seen is None:
                return []
            _judge(how, console, seen)
        return list(executor.run(requests, terms, interrupts, watch))


def _sentence(broken: Sequence[Broken], runs: int) -> HarnessError:
    """The error for runs that broke, with each reason once."""
    reasons = dict.fromkeys(one.reason for one in broken)
    told = "; ".join(f"{next(one.run_id for one in broken if one.reason == reason)}: {reason}" for reason in reasons)
    return HarnessError(f"{len(broken)} of {runs} runs did not finish ({told}); the same command retries them")


def _begun(runs: Runs) -> bool:
    """Whether any of the runs has started. Then the first look has been taken before."""
    return any((path / JOURNAL).is_file() for _, path in runs)


def _judge(how: Execution, console: Terminal, seen: Seen) -> None:
    """Print the results of the start policy, and refuse to train if there is nothing to learn from."""
    console.say(str(seen))
    reason = seen.why_not()
    if reason and not how.anyway:
        raise HarnessError(reason)
