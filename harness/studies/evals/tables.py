"""Tables of all evaluated models: one section per task and settings, with the best model first."""

import csv
import io
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import fmean

import numpy as np
from rich.console import Group
from rich.table import Table
from rich.text import Text

from evaluators.statistics.estimates import IQM_FROM, iqm
from harness.config.run_config import flat
from harness.report.pages.cells import as_code, escaped, percent, shown
from harness.report.pages.exports import plain_cell
from harness.report.pages.grid import HINT, Grid, grid, legend
from harness.studies.evals.columns import BEHAVED, BY_FORMAT, SCORED, of_lm_eval
from harness.studies.evals.document import EvalResult, LmEval, OwnEval
from harness.studies.evals.results import encode

Found = Mapping[str, Sequence[EvalResult]]
"""Results by the key of their settings, best first."""
NOTES = legend(SCORED, BEHAVED)


def grids(results: Sequence[EvalResult]) -> list[Grid]:
    """The tables of one task."""
    own = [result for result in results if isinstance(result, OwnEval)]
    theirs = [result for result in results if isinstance(result, LmEval)]
    found = [grid(SCORED, own), grid(BEHAVED, own)] if own else []
    return found + ([grid(of_lm_eval(theirs), theirs)] if theirs else [])


def remarks(results: Sequence[EvalResult]) -> list[str]:
    """Reasons to doubt these numbers."""
    measured = {
        "problems": {result.problems_hash for result in results if isinstance(result, OwnEval)},
        "answer formats": {result.answer_format for result in results if isinstance(result, OwnEval)},
        "engines and precisions": {f"{result.computed['engine']} {result.computed['dtype']}" for result in results},
    }
    return [
        f"these models were measured with different {what}: {', '.join(sorted(values))}"
        for what, values in measured.items()
        if len(values) > 1
    ]


def over_tasks(found: Found) -> Grid | None:
    """Interquartile means over tasks, for models that were measured on all of them. None if there are too few tasks.

    Several measurements of a model on one task, such as in several formats, are averaged first.
    """
    scores: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for results in _of_newest(found).values():
        for result in results:
            scores[f"{result.model} {result.weights[:8]}"][_task(result)].append(result.headline)
    tasks = {task for of_model in scores.values() for task in of_model}
    if len(tasks) < IQM_FROM:
        return None
    means = {name: [*map(fmean, of_model.values())] for name, of_model in scores.items()}
    whole = {name: float(iqm(np.array([each]))[0]) for name, each in means.items() if len(each) == len(tasks)}
    rows = [[name, percent(value)] for name, value in sorted(whole.items(), key=lambda item: -item[1])]
    return Grid(headers=("model", "IQM over tasks %"), rows=rows, whole=("model",)) if rows else None


def _task(result: EvalResult) -> str:
    return result.posed if isinstance(result, OwnEval) else str(result.settings.task)


def over_formats(found: Found) -> list[tuple[str, Grid]]:
    """A title and a table by answer format, for each model and task that was asked in several formats."""
    alike: dict[str, list[OwnEval]] = defaultdict(list)
    for results in found.values():
        for one in results:
            if isinstance(one, OwnEval):
                task = one.settings.task.model_copy(update={"format": "auto"})
                asked = one.settings.model_copy(update={"task": task})
                alike[f"{one.weights} {asked.key} {one.grader}"].append(one)
    return [
        (f"{same[0].model} on {same[0].posed} by answer format", grid(BY_FORMAT, same))
        for same in alike.values()
        if len({one.answer_format for one in same}) > 1
    ]


def _of_newest(found: Found) -> Found:
    """Only results of the grader of the newest result. Results with lm-eval's own metrics stay, too."""
    everything = [result for results in found.values() for result in results]
    judged = [result for result in everything if result.grader]
    newest = max(judged, key=lambda result: result.time).grader if judged else ""
    return {key: results for key, results in found.items() if results[0].grader in ("", newest)}


def tables(found: Found, *, explain: bool = True) -> Group:
    """All tables for the terminal. ``explain``: print the whole legend, instead of a line that says how to get it."""
    parts: list[Text | Table] = []
    for results in found.values():
        parts.append(Text(shown(results[0].title), style="bold"))
        parts += [made.terminal() for made in grids(results)]
        parts += [Text(f"warning: {shown(remark)}", style="yellow") for remark in remarks(results)]
    for title, made in over_formats(found):
        parts += [Text(shown(title), style="bold"), made.terminal()]
    if mean := over_tasks(found):
        parts.append(mean.terminal())
    return Group(*parts, *(Text(f"- {note}") for note in (NOTES if explain else [HINT])))


def write_tables(found: Found, folder: Path) -> None:
    """Write ``evals.md``, ``evals.json`` and ``evals.csv`` into ``folder``."""
    lines = ["# Evaluations", ""]
    for results in found.values():
        lines += [f"## {escaped(results[0].title)}", ""]
        for made in grids(results):
            lines += [*made.markdown(), ""]
        lines += [f"**Warning:** {escaped(remark)}\n" for remark in remarks(results)]
        lines += [as_code(result.command) for result in results] + [""]
    for title, made in over_formats(found):
        lines += [f"## {escaped(title)}", "", *made.markdown(), ""]
    if mean := over_tasks(found):
        lines += ["## All tasks", "", *mean.markdown(), ""]
    (folder / "evals.md").write_text("\n".join([*lines, *(f"- {note}" for note in NOTES), ""]), encoding="utf-8")
    (folder / "evals.json").write_text(as_json(found) + "\n", encoding="utf-8")
    (folder / "evals.csv").write_text(as_csv(found), encoding="utf-8")


def as_json(found: Found) -> str:
    """A list of results by the key of their settings, best first."""
    return json.dumps({key: [encode(result) for result in results] for key, results in found.items()}, indent=1)


def as_csv(found: Found) -> str:
    """All results as CSV, with one line per model and task."""
    lines = [
        {"key": result.key, "model": result.model, "weights": result.weights} | flat(asdict(result.summary))
        for results in found.values()
        for result in results
    ]
    file = io.StringIO()
    header = list(dict.fromkeys(key for line in lines for key in line))
    writer = csv.DictWriter(file, header, lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: plain_cell(value) for key, value in line.items()} for line in lines)
    return file.getvalue()
