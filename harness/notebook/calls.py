"""The functions of the Python interface. They have the arguments of the commands with the same names."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.config.layers import refuse_typos
from harness.config.suites import load_suite
from harness.errors import HarnessError
from harness.launch.carry_out import invoke
from harness.launch.execution import Execution
from harness.launch.plan import plan
from harness.notebook.shown import Comparison, Evaluations, Leaderboard, Run
from harness.records.journal import JOURNAL, Journal
from harness.records.out_dir import OutDir
from harness.records.results import read_results
from harness.report.archive import refuse_losing
from harness.report.merged import open_source
from harness.report.numbers.board import build
from harness.report.numbers.compare import compare as side_by_side
from harness.report.numbers.compare import pair
from harness.report.numbers.selection import Selection
from harness.report.sources import JournalSource
from harness.studies.evals.command import evaluate_model
from harness.studies.evals.results import EvalStore
from harness.studies.evals.settings import eval_suite
from harness.studies.planning.forecast import Forecast
from harness.terminal import Terminal

RUNS = Path("runs")


def run(
    algos: Sequence[str],
    suite: str = "tiny-arithmetic",
    *,
    seeds: int | Sequence[int] | None = None,
    regimes: Sequence[str] = (),
    settings: Mapping[str, Any] | None = None,
    out: Path | str = RUNS,
    workers: int | None = None,
    tracking_uri: str | None = None,
    fresh: bool = False,
    anyway: bool = False,
    quiet: bool = False,
) -> Leaderboard:
    """Train objectives at a matched budget. The same call resumes.

    Args:
        algos: arms, such as ``["agro", "grpo"]``.
        seeds: the number of seeds, or a list of seeds. The default is the suite's number.
        settings: changes of the suite by dotted keys: ``{"budget.total": 2048, "optimizer.learning_rate": 1e-4}``.
        quiet: whether to hide the progress.

    Raises:
        HarnessError: an argument is wrong, published runs would be lost, or some runs did not finish.
        KeyboardInterrupt: the call was interrupted. Runs have stopped after their current step.
    """
    changes, out = list((settings or {}).items()), Path(out)
    refuse_typos(suite, changes, algos, regimes)
    chosen = list(range(seeds)) if isinstance(seeds, int) else seeds
    planned = plan(suite, changes, algos, chosen, regimes)
    refuse_losing(out / planned.suite.name, [config.run_id for config in planned.runs], force=False)
    how = Execution(
        out=out, tracking_uri=tracking_uri, workers=workers, fresh=fresh, anyway=anyway, forecaster=Forecast()
    )
    if not invoke(planned, how, Terminal(quiet=quiet)):
        raise KeyboardInterrupt("the runs stopped after their current step; the same call resumes")
    results = read_results(Journal(OutDir(out).run_of(config)).read() for config in planned.runs)
    return Leaderboard(board=build(planned.suite, results), results=tuple(results))


def leaderboard(
    suite: str = "tiny-arithmetic",
    *,
    source: str | Sequence[str] = (),
    algos: Sequence[str] | None = None,
    regimes: Sequence[str] | None = None,
    seeds: Sequence[int] | None = None,
    baseline: str | None = None,
    out: Path | str = RUNS,
) -> Leaderboard:
    """The leaderboard of existing runs. Writes nothing.

    Args:
        source: one or several archives of runs, folders of runs or MLflow stores. The default is the runs under
        ``out``.

    Raises:
        HarnessError: there is no run, or they are not matched.
    """
    loaded = load_suite(OutDir(Path(out)).named(suite), [("baseline", baseline)] if baseline else [])
    results = open_source(loaded.name, _sources(source), Path(out)).results()
    selection = Selection(algos=_given(algos), regimes=_given(regimes), seeds=_given(seeds))
    chosen = selection.of(results)
    return Leaderboard(board=build(loaded, chosen, selection.missing(chosen)), results=tuple(chosen))


def compare(
    a: str,
    b: str,
    suite: str = "tiny-arithmetic",
    *,
    source: str | Sequence[str] = (),
    regime: str | None = None,
    out: Path | str = RUNS,
) -> Comparison:
    """Compare two objectives or two runs: their difference, and the problems gained and lost. Writes nothing.

    Raises:
        HarnessError: one of the two does not exist, or they are not matched.
    """
    loaded = load_suite(OutDir(Path(out)).named(suite))
    opened = open_source(loaded.name, _sources(source), Path(out))
    return Comparison(found=side_by_side(loaded, pair(a, b, opened.results(), regime), opened.completions))


def evaluate(
    model: str,
    tasks: Sequence[str | Mapping[str, Any]],
    *,
    k: int | None = None,
    problems: int | None = None,
    data: str | None = None,
    settings: Mapping[str, Any] | None = None,
    out: Path | str = RUNS,
    tracking_uri: str | None = None,
    fresh: bool = False,
    quiet: bool = False,
) -> Evaluations:
    """Evaluate a model, or a run by its id, on tasks. Existing measurements are not repeated.

    Args:
        tasks: names, such as ``"gsm8k"``, or tasks with their settings, ``{"name": "jsonl", "options": {...}}``.
        k: samples per problem.
        problems: use only the first problems of each task, up to this number.

    Raises:
        HarnessError, TaskError: the model, a task or its data do not exist.
    """
    given = {"k": k, "problems": problems}
    changes = [*(settings or {}).items(), *((key, value) for key, value in given.items() if value is not None)]
    asked = [{"name": task} if isinstance(task, str) else dict(task) for task in tasks]
    suite = eval_suite(model, asked, [], data, changes, [])
    command = f"harness.evaluate({model!r}, {list(tasks)!r})"
    keys = evaluate_model(suite, Path(out), tracking_uri, fresh=fresh, command=command, console=Terminal(quiet=quiet))
    return Evaluations(results=EvalStore(Path(out)).read(keys))


def load(run: Path | str, *, out: Path | str = RUNS) -> Run:
    """Load one run, by its folder or by its id among the runs under ``out``.

    Raises:
        HarnessError: there is no such run.
    """
    candidates = (Path(run), *sorted(Path(out).glob(f"*/runs/{run}")))
    folder = next((place for place in candidates if (place / JOURNAL).is_file()), None)
    if folder is None:
        raise HarnessError(f"there is no run {run}: it is neither the folder of a run nor the id of one under {out}")
    events = Journal(folder).read()
    (result,) = read_results([events])
    places = folder.resolve().parents  # a folder may be given as "." or by its name
    source = JournalSource(OutDir(places[2]), places[1].name)
    samples = source.completions(result) if result.test else ()
    return Run(folder=folder, result=result, events=tuple(events), samples=tuple(samples))


def _sources(source: str | Sequence[str]) -> list[str]:
    return [source] if isinstance(source, str) else list(source)


def _given(values: Sequence[Any] | None) -> tuple[Any, ...] | None:
    return tuple(values) if values is not None else None
