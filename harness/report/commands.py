"""``harness leaderboard``, ``compare``, ``export`` and ``publish``: reports on existing runs."""

from collections.abc import Sequence
from pathlib import Path

from evaluators.statistics.families import Correction
from harness.config.run_config import SuiteConfig
from harness.errors import HarnessError
from harness.records.out_dir import OutDir
from harness.report.archive import ARCHIVE, refuse_losing, write_archive
from harness.report.merged import open_source
from harness.report.numbers.board import build
from harness.report.numbers.compare import compare, pair
from harness.report.numbers.document import Board
from harness.report.numbers.selection import Selection
from harness.report.numbers.side_by_side import SideBySide
from harness.report.pages.compare_text import terminal
from harness.report.pages.exports import comparison_json
from harness.report.pages.text import tables
from harness.report.pages.writing import write_comparison, write_leaderboard
from harness.terminal import Terminal


def make_leaderboard(
    suite: SuiteConfig,
    selection: Selection,
    sources: Sequence[str],
    out: Path,
    console: Terminal,
    *,
    baseline: str | None = None,
    force: bool = False,
    correction: Correction = "table",
) -> Board:
    """Print, write and return the leaderboard of a suite.

    Args:
        sources: the places of the runs, as for :func:`harness.report.merged.open_source`.
        baseline: the arm that others are compared with, instead of the suite's baseline.

    Raises:
        HarnessError: there is no run, no such baseline, or they are not matched.
    """
    out_dir, opened = OutDir(out), open_source(suite.name, sources, out)
    results = opened.results()
    chosen = selection.of(results)
    links = opened.links(chosen)
    if baseline is not None:
        suite = suite.model_copy(update={"baseline": baseline})
    board = build(suite, chosen, selection.missing(chosen), correction)
    names = sorted({row.objective for _, row in board.arms})
    if baseline is not None and baseline not in names:
        raise HarnessError(f"--baseline {baseline}: there is no such row here; choose from {', '.join(names)}")
    out_dir.prepare()
    refuse_losing(out_dir.suite(suite.name), [run.run_id for run in chosen], force=force)
    write_leaderboard(board, chosen, out_dir.suite(suite.name), links)
    console.show(tables(board, explain=console.explain), board.as_json)
    console.say(f"wrote leaderboard.html, .md, .json, .csv and pictures to {out_dir.suite(suite.name)}")
    return board


def make_comparison(
    suite: SuiteConfig,
    names: Sequence[str],
    regime: str | None,
    selection: Selection,
    sources: Sequence[str],
    out: Path,
    console: Terminal,
) -> SideBySide:
    """Print, write and return a comparison of two objectives or two runs of a suite."""
    out_dir, opened = OutDir(out), open_source(suite.name, sources, out)
    results = opened.results()
    pairs = pair(names[0], names[1], selection.of(results), regime)
    found = compare(suite, pairs, opened.completions)
    links = opened.links([run for both in pairs.runs for run in both])
    out_dir.prepare()
    path = write_comparison(found, out_dir.suite(suite.name), links)
    console.show(terminal(found), lambda: comparison_json(found))
    console.say(f"wrote {path}")
    return found


def export(suite: SuiteConfig, out: Path, console: Terminal, *, force: bool = False) -> None:
    """Write the runs of a suite into one file."""
    out_dir = OutDir(out)
    _export(out_dir, suite.name, out_dir.suite(suite.name) / ARCHIVE, console, force=force, public=False)


def publish(
    suite: SuiteConfig, out: Path, to: Path, console: Terminal, *, force: bool = False, correction: Correction = "table"
) -> None:
    """Write the leaderboard of all runs of a suite under ``out``, and an archive of the runs, into a folder in ``to``.

    A leaderboard that is made from the archive has the same bytes.

    Raises:
        HarnessError: there is no run, or published runs would be lost and ``force`` is not set.
    """
    out_dir, target = OutDir(out), OutDir(to)
    build(suite, Selection().of(open_source(suite.name, [], out).results()), [], correction)  # refuses before it writes
    target.prepare()
    target.suite(suite.name).mkdir(exist_ok=True)
    target.keep(suite)
    archive = target.suite(suite.name) / ARCHIVE
    _export(out_dir, suite.name, archive, console, force=force, public=True)
    make_leaderboard(suite, Selection(), [str(archive)], to, console, correction=correction)


def _export(out_dir: OutDir, suite: str, path: Path, console: Terminal, *, force: bool, public: bool) -> None:
    count = write_archive(out_dir, suite, path, force=force, public=public)
    console.say(f"wrote {path}: {count} runs, {path.stat().st_size / 1e6:.1f} MB")
