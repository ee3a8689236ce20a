"""One ``harness run``: its plan, its runs side by side, their tables."""

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from rich.console import Console

from harness.arms import run_config
from harness.config import RunConfig, SuiteConfig, digest
from harness.errors import HarnessError
from harness.executors import run_all
from harness.journal import Journal, Record
from harness.leaderboard import build, write
from harness.loading import locate
from harness.machine import settle
from harness.opening import load_splits
from harness.plots import accuracy_by_regime, learning_curves
from harness.progress import Display
from harness.publishing import INVOCATION, Publishing, publish_suite
from harness.render import tables
from harness.results import RunResult, read_result
from harness.store import Store
from harness.suites import load_suite


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What an invocation runs."""

    suite: SuiteConfig
    runs: list[RunConfig]
    invocation: Record
    """Its id and name: the same for the same command, so that a resume is the same invocation."""
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
    if len(set(algos)) < len(algos):
        raise HarnessError(f"--algos names an objective twice: {','.join(algos)}")
    suites = [load_suite(suite, [*changes, ("regime", regime)]) for regime in regimes] or [load_suite(suite, changes)]
    named = [of_regime.regime for of_regime in suites]
    if len(set(named)) < len(named):
        raise HarnessError(f"--regime names one twice: {', '.join(named)}")
    settled, choices = settle(suites[0])
    suites = [of_regime.model_copy(update={"model": settled.model, "compute": settled.compute}) for of_regime in suites]
    config = suites[0]
    chosen = list(seeds) if seeds is not None else list(range(config.seeds))
    runs = [run_config(of_regime, algo, seed) for seed in chosen for of_regime in suites for algo in algos]
    name = f"{','.join(algos)} x {len(chosen)} seed{'s' if len(chosen) > 1 else ''}"
    name += "" if named == ["on_policy"] else f" x {', '.join(named)}"
    invocation = {"id": digest({"runs": [run.run_id for run in runs]}), "name": name}
    return Plan(suite=config, runs=runs, invocation=invocation, choices=choices)


def invoke(
    planned: Plan, out: Path, tracking_uri: str | None, *, workers: int | None, fresh: bool, console: Console
) -> bool:
    """Run everything, publish it, and print the leaderboard; False if it was interrupted."""
    store = Store(out)
    store.prepare()
    suite, runs = planned.suite, [(config, store.run(config)) for config in planned.runs]
    load_splits(planned.runs[0])  # what is missing shows here, before anything starts
    locate(suite.model.path)
    uri = tracking_uri or store.tracking_uri
    side_by_side = 1 if suite.model.device == "cuda" else (os.cpu_count() or 1) // suite.compute.threads
    workers = workers or max(1, side_by_side)
    budget = suite.budget
    console.print(
        f"{planned.invocation['name']} of {suite.name}: {len(runs)} runs, {budget.total:,.0f} "
        f"{budget.unit.replace('_', ' ')} each, {min(workers, len(runs))} at a time"
    )
    for choice in planned.choices:
        console.print(choice, highlight=False)
    publishing = Publishing(
        uri, store, suite.name, [path for _, path in runs], warn=lambda m: console.print(f"warning: {m}")
    )
    publishing.start()
    with Display(console, runs) as display:
        outcomes = run_all(runs, planned.invocation, workers=workers, fresh=fresh, watch=display.refresh)
    finished = len(outcomes) == len(runs) and "interrupted" not in outcomes
    if finished:
        board = build(suite.name, suite.baseline, _results([Journal(path).read() for _, path in runs]))
        write_tables(board, store, planned.invocation)
        console.print(tables(board), highlight=False)
    published = publishing.finish()
    if not finished:
        console.print("interrupted; the same command resumes from the last evaluation of each run")
        return False
    console.print(f"written: leaderboard.md, leaderboard.json and pictures in {store.suite(suite.name)}")
    if published:
        console.print(f"to see the runs:  mlflow ui --backend-store-uri {uri}")
    return True


def write_tables(board: dict[str, Any], store: Store, invocation: Record | None) -> None:
    """Table and picture into the suite's folder, with the invocation that they belong to."""
    folder = store.suite(board["suite"])
    write(board, folder)
    learning_curves(board, folder / "learning-curves.png")
    (folder / "regimes.png").unlink(missing_ok=True)
    if len(board["boards"]) > 1:
        accuracy_by_regime(board, folder / "regimes.png")
    if invocation:
        (folder / INVOCATION).write_text(json.dumps(invocation) + "\n")


def rebuild(name: str, source: str | None, match: str | None, out: Path, console: Console) -> None:
    """The leaderboard of a suite's ended runs, from an MLflow store or from the journals under ``out``."""
    suite = load_suite(name)
    store = Store(out)
    if source:
        from harness.tracking import Publisher

        with _reaching(source):
            journals = Publisher(source, suite.name, store.root).journals()
    else:
        journals = store.journals(suite.name)
    results = [result for result in _results(journals) if match in (None, result.config.match_key)]
    board = build(suite.name, suite.baseline, results)
    store.prepare()
    write_tables(board, store, None)
    console.print(tables(board), highlight=False)


def publish_all(out: Path, tracking_uri: str | None, console: Console) -> None:
    """Every run under ``out`` to the store.

    Raises:
        HarnessError: the store cannot be reached.
    """
    from harness.tracking import Publisher

    store = Store(out)
    uri = tracking_uri or store.tracking_uri
    suites = sorted({path.parent.parent.name for path in store.runs()})
    if not suites:
        raise HarnessError(f"no runs under {out}; harness run makes some, or name another --out")
    for suite in suites:
        runs = list(store.runs(suite))
        with _reaching(uri):
            publish_suite(Publisher(uri, suite, store.root), store, suite, runs)
        console.print(f"{suite}: {len(runs)} runs are published to {uri}")


@contextmanager
def _reaching(uri: str) -> Iterator[None]:
    from mlflow.exceptions import MlflowException

    try:
        yield
    except MlflowException as error:
        reason = " ".join(str(error).split())[:200]
        raise HarnessError(
            f"cannot use the MLflow store {uri}: {reason}; see that it is there, or name another"
        ) from error


def _results(journals: Sequence[list[Record]]) -> list[RunResult]:
    """Those that have ended.

    Raises:
        HarnessError: one is of a version that recorded something else.
    """
    try:
        return [result for records in journals if (result := read_result(records))]
    except (KeyError, ValidationError) as error:
        raise HarnessError(
            "some of these runs were made by an older version of the harness; redo them with --fresh, or use another "
            "--out or store"
        ) from error
