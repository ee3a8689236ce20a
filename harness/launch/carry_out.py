"""An invocation carried out: its runs side by side, published meanwhile, their tables at the end."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from algorithms.trial import UnfitObjective, try_out
from harness.config.arms import objective_of
from harness.config.run_config import RunConfig, SuiteConfig
from harness.errors import HarnessError, explained
from harness.launch.bars import Display
from harness.launch.executors.executor import Broken, Ended, Executor, RunRequest, Terms
from harness.launch.executors.local import LocalExecutor
from harness.launch.executors.ray.connecting import RayChoice, connect
from harness.launch.graders import judged_otherwise, of_one_grader, told
from harness.launch.interrupts import Interrupts
from harness.launch.parted import WRITING, there
from harness.launch.places import places_of
from harness.launch.plan import Plan
from harness.launch.scheduling import Alike, Forecaster, Part, longest_first
from harness.launch.splitting import split_by_us
from harness.launch.syncing import Published, Syncing
from harness.models.loading import locate
from harness.records.addresses import without_password
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
from harness.training.first_look import Seen

Runs = Sequence[tuple[RunConfig, Path]]
"""With their directories."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Execution:
    """Where and how an invocation's runs are carried out."""

    out: Path
    tracking_uri: str | None
    workers: int | None
    """The most runs at a time; None: as the machine allows."""
    fresh: bool
    profiled: bool = False
    anyway: bool = False
    """Train also where a first look says that there is next to nothing to learn from."""
    looked: bool = False
    """That first look has been taken."""
    devices: str | None = None
    """As ``--devices`` names them; None: all that are there."""
    runs_per_device: int | None = None
    """On a GPU; None: as many as fit, by the forecast."""
    ray: RayChoice | None = None
    """A Ray cluster; None: this machine."""
    part: Part | None = None
    """Of the planned runs only this part."""
    forecaster: Forecaster = field(default_factory=Alike)
    """By which runs are ordered, parted, and put beside each other."""


def invoke(planned: Plan, how: Execution, console: Console) -> bool:
    """Run everything, publish it, and print the leaderboard; False if it was interrupted."""

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
    suite: SuiteConfig, runs: Runs, out: Path, console: Console, missing: Sequence[MissingRun] = ()
) -> list[str]:
    """Print the leaderboard of these runs and write it into the suite's folder; the names of the files."""
    out_dir = OutDir(out)
    folder = out_dir.suite(suite.name)
    results = of_one_grader(read_results(Journal(path).read() for _, path in runs))
    board = build(suite, results, missing)
    links = JournalSource(out_dir, suite.name).links(results)
    out_dir.keep(suite)
    written = write_leaderboard(board, results, folder, links)
    console.print(tables(board), highlight=False)
    console.print(f"written: leaderboard.html, .md, .json, .csv and pictures in {folder}")
    return written


def carry_out(planned: Plan, how: Execution, report: Callable[[Runs], list[str]], console: Console) -> bool:
    """Run and publish everything, ``report`` on it once all has ended; False if it was interrupted.

    ``report`` writes tables into the suite's folder and returns the names of the files. Of a part of a sweep it is
    given the runs of other parts, too, that are there.

    Raises:
        HarnessError: another process carries one of these runs; nothing can go on; or, once the others have ended,
            errors of their own kept some runs from their end.
    """
    out_dir = OutDir(how.out)
    chosen = how.part.of(planned.runs, how.forecaster) if how.part else planned.runs
    if not chosen:
        console.print(f"part {how.part} of {planned.invocation.name} has no runs: there are {len(planned.runs)} in all")
        return True
    out_dir.prepare()
    with claimed(out_dir.suite(planned.suite.name), [run.run_id for run in chosen], planned.invocation.command):
        return _carry_out(planned, chosen, how, out_dir, report, console)


def _carry_out(
    planned: Plan,
    chosen: Sequence[RunConfig],
    how: Execution,
    out_dir: OutDir,
    report: Callable[[Runs], list[str]],
    console: Console,
) -> bool:
    suite, runs = planned.suite, [(config, out_dir.run_of(config)) for config in chosen]
    _try_objectives(chosen)
    load_splits(chosen[0])  # what is missing shows here, before anything starts
    if counts := split_by_us(suite.task):
        console.print(counts, highlight=False)
    locate(suite.model.path)
    uri = how.tracking_uri or out_dir.tracking_uri
    make = _opened(planned, chosen, how, console)
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
    hours = [how.forecaster.hours(config) for config in chosen]
    try:
        with _open(make) as executor, Display(console, runs, hours) as display:
            ended = _run_all(planned, runs, how, executor, display, console, look_first=look_first)
    except KeyboardInterrupt:
        console.print("stopped at once; the same command resumes from the last evaluation of each run")
        return False
    outcomes = [outcome for _, outcome in ended]
    finished = len(outcomes) == len(runs) and "interrupted" not in outcomes
    broken = [outcome for outcome in outcomes if isinstance(outcome, Broken)]
    folder = out_dir.suite(suite.name)
    if finished and len(broken) < len(runs):
        with locked(folder / WRITING, patience=PATIENCE) if how.part else nullcontext():
            tables = report(there(planned.runs, how.out, console) if how.part else runs)
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
    arms = {run.objective.model_dump_json(): run.objective for run in runs}
    for arm in arms.values():
        name = arm.name
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


@contextmanager
def _open(make: Callable[[], Executor]) -> Iterator[Executor]:
    """An executor for as long as it is needed; a second Ctrl-C ends its processes at once."""
    executor = make()
    try:
        yield executor
    except KeyboardInterrupt:
        executor.kill()
        raise
    finally:
        executor.close()


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


def _opened(planned: Plan, chosen: Sequence[RunConfig], how: Execution, console: Console) -> Callable[[], Executor]:
    """What opens the executor; says where runs run, and what was chosen for this machine."""
    where, remarks, make = _on_ray(how.ray, chosen, how) if how.ray else _here(chosen, how)
    suite, part = planned.suite, f"part {how.part} of " if how.part else ""
    console.print(
        f"{part}{planned.invocation.name} of {suite.name}: {len(chosen)} runs, {suite.budget.total:,.0f} "
        f"{suite.budget.unit.replace('_', ' ')} each, {where}"
    )
    for line in (*remarks, *planned.choices):
        console.print(line, highlight=False)
    return make


Opened = tuple[str, tuple[str, ...], Callable[[], Executor]]
"""How many runs run at a time, remarks on it, and what makes the executor."""


def _here(chosen: Sequence[RunConfig], how: Execution) -> Opened:
    places = places_of(
        chosen,
        devices=how.devices,
        runs_per_device=how.runs_per_device,
        workers=how.workers,
        forecaster=how.forecaster,
    )

    def make() -> Executor:
        return LocalExecutor(places.devices, runs_per_device=places.runs_per_device, most=places.at_once)

    return f"{places.at_once} at a time", places.remarks, make


def _on_ray(choice: RayChoice, chosen: Sequence[RunConfig], how: Execution) -> Opened:
    connect(choice.address, [config.objective.objective for config in chosen])

    def make() -> Executor:
        from harness.launch.executors.ray.executor import RayExecutor  # it imports ray, which may not be installed

        return RayExecutor(storage=choice.storage, most=how.workers)

    return f"{how.workers} at a time on Ray" if how.workers else "as many at a time as Ray has room for", (), make
