"""``harness pass-at-k``: samples the models of finished runs, or reads earlier counts, and writes tables and figure."""

from pathlib import Path

from harness.config.run_config import SuiteConfig
from harness.errors import HarnessError
from harness.records.out_dir import FINAL, OutDir
from harness.records.results import RunResult
from harness.report.merged import open_source
from harness.report.numbers.matching import names_of_runs, refuse_unmatched
from harness.report.numbers.rows import finished
from harness.report.numbers.selection import Selection
from harness.report.pages.plots import save
from harness.studies.passes.counts import START, Sampled, read, write
from harness.studies.passes.curves import Passes, passes_of
from harness.studies.passes.plots import passes_picture
from harness.studies.passes.sampling import Examined, Sampling, counted
from harness.studies.passes.tables import as_markdown, in_terminal
from harness.terminal import Terminal

COUNTS, TABLE, DOCUMENT, PICTURE = "pass-at-k.parquet", "pass-at-k.md", "pass-at-k.json", "pass-at-k.png"


def sample_and_draw(
    suite: SuiteConfig, selection: Selection, how: Sampling, out: Path, console: Terminal, workers: int
) -> Passes:
    """Sample the model of every finished run, and the model before training.

    Raises:
        HarnessError: there are no such runs, they are not matched, or a model is not there.
    """
    out_dir = OutDir(out)
    runs = finished(selection.of(open_source(suite.name, [], out).results()))
    if not runs:
        raise HarnessError(f"no run of the suite {suite.name} under {out} has finished; start some with harness run")
    refuse_unmatched(runs)
    models = [_of_run(out_dir, run, name) for run, name in zip(runs, names_of_runs(runs), strict=True)]
    models.insert(0, Examined(name=START, regime="", seed=0, config=runs[0].config, path=runs[0].config.model.path))
    found = counted(models, how, out_dir, console, workers)
    sampled = Sampled(suite=suite.name, command=how.command, limit=runs[0].config.limit, models=found)
    return _report(sampled, out_dir, console)


def draw(source: Path, out: Path, console: Terminal) -> Passes:
    """Report on counts that an earlier command wrote.

    Raises:
        HarnessError: the file cannot be read.
    """
    sampled, out_dir = read(source), OutDir(out)
    out_dir.prepare()
    return _report(sampled, out_dir, console)


def _report(sampled: Sampled, out_dir: OutDir, console: Terminal) -> Passes:
    passes, folder = passes_of(sampled), out_dir.suite(sampled.suite)
    folder.mkdir(exist_ok=True)
    (folder / TABLE).write_text(as_markdown(passes), encoding="utf-8")
    (folder / DOCUMENT).write_text(passes.as_json(), encoding="utf-8")
    save(passes_picture(passes), folder / PICTURE)
    write(sampled, folder / COUNTS)
    console.show(in_terminal(passes, explain=console.explain), passes.as_json)
    console.say(f"wrote {TABLE}, {DOCUMENT}, {PICTURE} and {COUNTS} to {folder}")
    return passes


def _of_run(out_dir: OutDir, run: RunResult, name: str) -> Examined:
    place = out_dir.run(run.config.suite, run.run_id) / FINAL
    if not place.is_dir():
        raise HarnessError(f"the model of {run.run_id} is not in {place}; name the --out in which the run was trained")
    return Examined(name=name, regime=run.config.regime, seed=run.config.seed, config=run.config, path=str(place))
