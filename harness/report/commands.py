"""``harness leaderboard`` and ``harness compare``: reports of runs that are there already."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from harness.config import SuiteConfig
from harness.publishing import reaching
from harness.report.board import build
from harness.report.compare import compare, pair
from harness.report.compare_text import terminal
from harness.report.results import RunResult
from harness.report.selection import Selection
from harness.report.sources import JournalSource, MlflowSource, Source
from harness.report.text import tables
from harness.report.writing import write_comparison, write_leaderboard
from harness.store import Store


def make_leaderboard(suite: SuiteConfig, selection: Selection, uri: str | None, out: Path, console: Console) -> None:
    """The leaderboard of a suite's runs, from an MLflow store or from the journals under ``out``."""
    store, source, results = _open(suite, uri, out)
    with reaching(uri or str(out)):
        chosen = selection.of(results)
        links = source.links(chosen)
    board = build(suite, chosen, selection.missing(chosen))
    store.prepare()
    write_leaderboard(board, chosen, store.suite(suite.name), links)
    console.print(tables(board), highlight=False)
    console.print(f"written: leaderboard.html, .md, .json, .csv and pictures in {store.suite(suite.name)}")


def make_comparison(
    suite: SuiteConfig,
    names: Sequence[str],
    regime: str | None,
    selection: Selection,
    uri: str | None,
    out: Path,
    console: Console,
) -> None:
    """Two objectives or runs of a suite, side by side."""
    store, source, results = _open(suite, uri, out)
    with reaching(uri or str(out)):
        pairs = pair(names[0], names[1], selection.of(results), regime)
        found = compare(suite, pairs, source.completions)
        links = source.links([run for both in pairs.runs for run in both])
    store.prepare()
    path = write_comparison(found, store.suite(suite.name), links)
    console.print(terminal(found), highlight=False)
    console.print(f"written: {path}")


def _open(suite: SuiteConfig, uri: str | None, out: Path) -> tuple[Store, Source, list[RunResult]]:
    store = Store(out)
    if uri is None:
        source: Source = JournalSource(store, suite.name)
        return store, source, source.results()
    with reaching(uri):
        source = MlflowSource(uri, suite.name)
        return store, source, source.results()
