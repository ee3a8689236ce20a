"""Tables of all models that were measured: a section a task and its settings, best first."""

import csv
import io
import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Group
from rich.text import Text

from evaluators.statistics.estimates import IQM_FROM, iqm
from harness.config.run_config import flat
from harness.errors import HarnessError
from harness.report.pages.cells import count, percent, points, shown
from harness.report.pages.text import as_code, escaped, pipes, table
from harness.studies.evals.settings import Record

Grid = tuple[Sequence[str], list[list[str]]]
HEADERS = ("model", "acc@1 %", "pass@k %", "maj@k %", "greedy %")
BEHAVED = ("model", "length", "cut %", "no answer %", "timed out %", "paid %", "missed %", "tokens")
NOTES = (
    "acc@1: mean over k samples of each problem; pass@k: one of them is correct, unbiased; maj@k: the most frequent "
    "answer is; ±: 95 % t-interval over problems, or Wilson's where all problems came out alike",
    "length: tokens a sample; cut: at the length limit; timed out: the grader; paid: accepted by the grader against a "
    "second rule, missed: the other way round; tokens: sampled in all",
)


def read_evals(folder: Path, keys: Sequence[str] | None = None) -> dict[str, list[Record]]:
    """By the key of their settings, best first."""
    found: dict[str, list[Record]] = defaultdict(list)
    for path in sorted(folder.glob("*/*/eval.json")):
        if keys is None or path.parent.parent.name in keys:
            try:
                found[path.parent.parent.name].append(json.loads(path.read_text(encoding="utf-8")))
            except ValueError as error:
                raise HarnessError(f"{path} is not JSON; remove it, and the same command measures again") from error
    for records in found.values():
        records.sort(key=lambda record: (-headline(record), record["model"]))
    return dict(found)


def headline(record: Record) -> float:
    """What models are ordered by."""
    summary = record["summary"]
    first = summary["acc_at_1"] if record["kind"] == "own" else next(iter(summary["scores"].values()))
    return float(first["mean"])


def title(record: Record) -> str:
    """The task, and what was asked of every model."""
    settings, summary = record["settings"], record["summary"]
    if record["kind"] == "lm-eval":
        return (
            f"lm-eval {settings['task']}: {summary['problems']} problems, {summary['fewshot']} solved examples, seed "
            f"{settings['seed']}, task version {summary['task_version']} of lm-eval {summary['lm_eval']}"
        )
    return (
        f"{settings['task']['name']}, {settings['split']}: {summary['problems']} problems, k = {settings['k']} at "
        f"temperature {settings['temperature']:g}, up to {settings['max_tokens']} tokens, seed {settings['seed']}, "
        f"{settings['task']['grading']} grading"
    )


def grids(records: Sequence[Record]) -> list[Grid]:
    """Headers and rows of a task's tables."""
    if records[0]["kind"] == "own":
        return [(HEADERS, [cells(one) for one in records]), (BEHAVED, [behaved(one) for one in records])]
    names = list(records[0]["summary"]["scores"])
    rows = [
        [
            record["model"],
            *(points(record["summary"]["scores"].get(name), signed=False) for name in names),
            f"{record['summary']['completion_tokens']:.1f}",
            percent(record["summary"]["truncated"]),
        ]
        for record in records
    ]
    return [(("model", *(f"{name.removeprefix('exact_match ')} %" for name in names), "length", "cut %"), rows)]


def cells(record: Record) -> list[str]:
    """In the order of ``HEADERS``."""
    summary = record["summary"]
    return [
        record["model"],
        points(summary["acc_at_1"], signed=False),
        percent(summary["pass_at_k"]),
        percent(summary["maj_at_k"]),
        points(summary["greedy"], signed=False),
    ]


def behaved(record: Record) -> list[str]:
    """In the order of ``BEHAVED``."""
    summary = record["summary"]
    shares = ("truncated", "unparsed", "grader_timeouts", "audit_paid", "audit_missed")
    return [
        record["model"],
        f"{summary['completion_tokens']:.1f}",
        *(percent(summary[key]) for key in shares),
        count(summary["sampled_tokens"]),
    ]


def remarks(records: Sequence[Record]) -> list[str]:
    """What puts these numbers in doubt."""
    found = []
    for what, of in (
        ("problems", lambda r: r.get("problems_hash")),
        ("graders", lambda r: r["versions"]["grader"]),
        ("engines and precisions", lambda r: f"{r['computed']['engine']} {r['computed']['dtype']}"),
    ):
        if len(values := sorted({str(of(record)) for record in records})) > 1:
            found.append(f"these models were measured with different {what}: {', '.join(values)}")
    return found


def over_tasks(found: dict[str, list[Record]]) -> list[list[str]]:
    """Model and interquartile mean over the tasks, for models that were measured on all of them; none below four."""
    if len(found) < IQM_FROM:
        return []
    scores: dict[str, list[float]] = defaultdict(list)
    for records in found.values():
        for record in records:
            scores[f"{record['model']} {record['weights'][:8]}"].append(headline(record))
    whole = {name: float(iqm(np.array([means]))[0]) for name, means in scores.items() if len(means) == len(found)}
    return [[name, percent(value)] for name, value in sorted(whole.items(), key=lambda item: -item[1])]


def tables(found: dict[str, list[Record]]) -> Group:
    """For the terminal."""
    parts: list[Any] = []
    for records in found.values():
        parts.append(Text(shown(title(records[0])), style="bold"))
        parts += [table(headers, rows) for headers, rows in grids(records)]
        parts += [Text(f"warning: {shown(remark)}", style="yellow") for remark in remarks(records)]
    if rows := over_tasks(found):
        parts.append(table(("model", "IQM over tasks %"), rows))
    return Group(*parts, *(Text(f"- {note}") for note in NOTES))


def write_tables(found: dict[str, list[Record]], folder: Path) -> None:
    """``evals.md``, ``evals.json`` and ``evals.csv``."""
    lines = ["# Evaluations", ""]
    for records in found.values():
        lines += [f"## {escaped(title(records[0]))}", ""]
        for headers, rows in grids(records):
            lines += [*pipes(headers, rows), ""]
        lines += [f"**Warning:** {escaped(remark)}\n" for remark in remarks(records)]
        lines += [as_code(record["command"]) for record in records] + [""]
    if rows := over_tasks(found):
        lines += ["## All tasks", "", *pipes(("model", "IQM over tasks %"), rows), ""]
    (folder / "evals.md").write_text("\n".join([*lines, *(f"- {note}" for note in NOTES), ""]), encoding="utf-8")
    (folder / "evals.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    (folder / "evals.csv").write_text(as_csv(found), encoding="utf-8")


def as_csv(found: dict[str, list[Record]]) -> str:
    """A line a model and task."""
    lines = [
        {"key": record["key"], "model": record["model"], "weights": record["weights"]} | flat(record["summary"])
        for records in found.values()
        for record in records
    ]
    file = io.StringIO()
    header = list(dict.fromkeys(key for line in lines for key in line))
    writer = csv.DictWriter(file, header, lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return file.getvalue()
