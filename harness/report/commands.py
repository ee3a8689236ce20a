"""``harness leaderboard``, ``compare``, ``export`` and ``publish``: reports on existing runs."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from evaluators.statistics.families import Correction
from harness.config.run_config import SuiteConfig
from harness.records.out_dir import OutDir
from harness.report.archive import ARCHIVE, refuse_losing, write_archive
from harness.report.merged import open_source
from harness.report.numbers.board import build
from harness.report.numbers.compare import compare, pair
from harness.report.numbers.document import Board
from harness.report.numbers.selection import Selection
from harness.report.numbers.side_by_side import SideBySide
from harness.report.pages.compare_text import terminal
from harness.report.pages.text import tables
from harness.report.pages.writing import write_comparison, write_leaderboard


def make_leaderboard(
    suite: SuiteConfig,
    selection: Selection,
    sources: Sequence[str],
    out: Path,
    console: Console,
    *,
    force: bool = False,
    correction: Correction = "table",
) -> Board:
    """Print, write and return the leaderboard of a suite.

    ``sources``: where the runs are, as for :func:`harness.report.merged.open_source`.
    """
    out_dir, opened = OutDir(out), open_source(suite.name, sources, out)
    results = opened.results()
    chosen = selection.of(results)
    links = opened.links(chosen)
    board = build(suite, chosen, selection.missing(chosen), correction)
    out_dir.prepare()
    refuse_losing(out_dir.suite(suite.name), [run.run_id for run in chosen], force=force)
    write_leaderboard(board, chosen, out_dir.suite(suite.name), links)
    console.print(tables(board), highlight=False)
    console.print(f"wrote leaderboard.html, .md, .json, .csv and pictures to {out_dir.suite(suite.name)}")
    return board


def make_comparison(
    suite: SuiteConfig,
    names: Sequence[str],
    regime: str | None,
    selection: Selection,
    sources: Sequence[str],
    out: Path,
    console: Console,
) -> SideBySide:
    """Print, write and return a comparison of two objectives or two runs of a suite."""
    out_dir, opened = OutDir(out), open_source(suite.name, sources, out)
    results = opened.results()
    pairs = pair(names[0], names[1], selection.of(results), regime)
    found = compare(suite, pairs, opened.completions)
    links = opened.links([run for both in pairs.runs for run in both])
    out_dir.prepare()
    path = write_comparison(found, out_dir.suite(suite.name), links)
    console.print(terminal(found), highlight=False)
    console.print(f"wrote {path}")
    return found


def export(suite: SuiteConfig, out: Path, console: Console, *, force: bool = False) -> None:
    """Write the runs of a suite into one file."""
    out_dir = OutDir(out)
    _export(out_dir, suite.name, out_dir.suite(suite.name) / ARCHIVE, console, force=force)


def publish(
    suite: SuiteConfig, out: Path, to: Path, console: Console, *, force: bool = False, correction: Correction = "table"
) -> None:
    """Write the leaderboard of all runs of a suite under ``out``, and an archive of the runs, into a folder in ``to``.

    A leaderboard that is made from the archive has the same bytes.

    Raises:
        HarnessError: there is no run, or published runs would be lost and ``force`` is not set.
    """
    out_dir, target = OutDir(out), OutDir(to)
    target.prepare()
    target.suite(suite.name).mkdir(exist_ok=True)
    target.keep(suite)
    archive = target.suite(suite.name) / ARCHIVE
    _export(out_dir, suite.name, archive, console, force=force)
    make_leaderboard(suite, Selection(), [str(archive)], to, console, correction=correction)


def _export(out_dir: OutDir, suite: str, path: Path, console: Console, *, force: bool) -> None:
    count = write_archive(out_dir, suite, path, force=force)
    console.print(f"wrote {path}: {count} runs, {path.stat().st_size / 1e6:.1f} MB")
