"""``harness staleness``: runs a sweep, or reads the runs of one, and writes table and figure."""

from collections.abc import Collection, Sequence
from pathlib import Path

from harness.config.run_config import RunConfig, SuiteConfig
from harness.launch.carry_out import carry_out
from harness.launch.execution import Execution, Runs
from harness.launch.graders import of_one_grader
from harness.records.journal import Journal
from harness.records.out_dir import OutDir
from harness.records.results import read_results
from harness.report.merged import open_source
from harness.report.numbers.selection import Selection
from harness.report.pages.plots import save
from harness.studies.staleness.lags import Unit
from harness.studies.staleness.pages import staleness_page
from harness.studies.staleness.planning import Asked, plans_of
from harness.studies.staleness.plots import staleness_picture
from harness.studies.staleness.sweep import Sweep, sweep_of
from harness.studies.staleness.tables import as_markdown, in_terminal
from harness.terminal import Terminal

TABLE, DOCUMENT, PAGE, PICTURE = "staleness.md", "staleness.json", "staleness.html", "staleness.png"


def train_and_draw(asked: Asked, how: Execution, console: Terminal) -> bool:
    """Run every arm at every lag, and report the results. False if interrupted; the same command resumes.

    Raises:
        HarnessError: the request is wrong, or some runs did not finish.
    """
    plans, out_dir = plans_of(asked), OutDir(how.out)
    suite, planned = plans[0].suite, [run for plan in plans for run in plan.runs]
    drawn: list[Sweep] = []

    def report(_: Runs) -> list[str]:
        drawn.append(_of_runs(suite, planned, asked.unit, out_dir))
        out_dir.keep(suite)
        return _write(drawn[-1], out_dir.suite(suite.name))

    for plan in plans:
        if not carry_out(plan, how, report, console, needs=planned):
            return False
    if drawn:
        _show(drawn[-1], out_dir.suite(suite.name), console)
    return True


def draw(
    suite: SuiteConfig,
    selection: Selection,
    sources: Sequence[str],
    unit: Unit,
    lags: Collection[int] | None,
    out: Path,
    console: Terminal,
) -> None:
    """Report on existing runs in archives, folders or MLflow stores.

    Raises:
        HarnessError: there are no such runs, or they are not matched.
    """
    out_dir, results = OutDir(out), open_source(suite.name, sources, out).results()
    sweep = sweep_of(suite, selection.of(results), unit, lags=lags)
    out_dir.prepare()
    _write(sweep, out_dir.suite(suite.name))
    _show(sweep, out_dir.suite(suite.name), console)


def _of_runs(suite: SuiteConfig, planned: Sequence[RunConfig], unit: Unit, out_dir: OutDir) -> Sweep:
    results = read_results(Journal(out_dir.run_of(config)).read() for config in planned)
    return sweep_of(suite, of_one_grader(results), unit, planned=planned)


def _write(sweep: Sweep, folder: Path) -> list[str]:
    """Write table, document, page and picture into the folder of the suite, and return their names."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / TABLE).write_text(as_markdown(sweep), encoding="utf-8")
    (folder / DOCUMENT).write_text(sweep.as_json(), encoding="utf-8")
    (folder / PAGE).write_text(staleness_page(sweep), encoding="utf-8")
    save(staleness_picture(sweep), folder / PICTURE)
    return [TABLE, DOCUMENT, PAGE, PICTURE]


def _show(sweep: Sweep, folder: Path, console: Terminal) -> None:
    console.show(in_terminal(sweep), sweep.as_json)
    console.say(f"wrote {PAGE}, {TABLE}, {DOCUMENT} and {PICTURE} to {folder}")
