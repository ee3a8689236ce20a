"""A leaderboard in exchange formats: CSV, Parquet, JSON for marl-eval, and a dataset card."""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import pyarrow as pa
import yaml

from harness.records.results import COSTS, RunResult
from harness.report.numbers.document import ArmRow, Board
from harness.report.numbers.matching import names_of_runs
from harness.report.numbers.side_by_side import SideBySide
from harness.report.pages.cells import as_code, escaped
from harness.report.pages.columns import REACHED
from harness.report.pages.grid import grid

PLAIN = ("objective", "status", "seeds", "failed", "unfinished", "missing", "start_accuracy")
MEASURED = (
    *("kl", "ratio_mean", "completion_tokens", "truncated"),
    *("grader_timeouts", "audit_paid", "audit_missed", "unmatched"),
)
INTERVALS = ("accuracy", "difference", "mean_over_budget")
TESTS = (
    *("p", "p_holm", "equivalent_p", "improvement", "improvement_low", "improvement_high"),
    *("detectable", "equivalence_seeds"),
)
SPREAD = ("lowest", "median", "highest", "deviation", "elsewhere_low", "elsewhere_high", "collapsed")


def as_csv(board: Board) -> str:
    """One line per row and regime, controls included. Lists are separated by spaces; absent values are empty."""
    file = io.StringIO()
    ends = [f"{name}_{end}" for name in INTERVALS for end in ("mean", "low", "high")]
    ranks = ("rank_best", "rank_worst")
    header = ["regime", "control", *PLAIN, *MEASURED, *ranks, *ends, *SPREAD, *TESTS, *COSTS, "run_ids"]
    writer = csv.DictWriter(file, header, lineterminator="\n")
    writer.writeheader()
    for part, row in board.arms:
        line = _line(row) | {"regime": part.regime, "control": row in part.controls}
        writer.writerow({key: plain_cell(line.get(key)) for key in header})
    return file.getvalue()


def _line(row: ArmRow) -> dict[str, Any]:
    """All values of a row, by column name."""
    line = asdict(row)
    for name in INTERVALS:
        line |= {f"{name}_{end}": value for end, value in (line[name] or {}).items()}
    if row.spread:
        line |= {name: getattr(row.spread, name) for name in ("lowest", "median", "highest", "deviation")}
        line |= {f"elsewhere_{end}": getattr(row.spread.elsewhere, end) for end in ("low", "high")}
        line |= {"collapsed": tuple(run.seed for run in row.spread.collapsed)}
    best, worst = row.rank or (None, None)
    return line | row.budget | (line["difference"] or {}) | {"rank_best": best, "rank_worst": worst}


def plain_cell(value: Any) -> Any:
    """A value for CSV. Lists are separated by spaces; text that a spreadsheet would execute gets a quote."""
    text = " ".join(map(str, value)) if isinstance(value, tuple) else value
    if isinstance(text, str) and text.startswith(("=", "+", "-", "@", "\t", "\r")):
        return f"'{text}"
    return text


def by_problem_and_run(results: Sequence[RunResult]) -> pa.Table:
    """One line per finished run and test problem, with the number of its correct samples."""
    lines: list[dict[str, str | int]] = []
    for result in results:
        config = result.config
        run: dict[str, str | int] = {"regime": config.regime, "objective": config.objective.name, "seed": config.seed}
        run |= {"run_id": result.run_id}
        lines += [
            run | {"problem": problem, "correct": verdicts.count("c"), "samples": len(verdicts)}
            for problem, verdicts in (result.test.summary.verdicts.items() if result.test else ())
        ]
    return pa.Table.from_pylist(lines)


def marl_eval(suite: str, results: Sequence[RunResult]) -> dict[str, Any]:
    """The finished runs in the format of marl-eval (Gorsane et al. 2022): environment, task, algorithm, run, step.

    The environment is the suite, and each regime is a task. Steps are the validations. ``step_count`` is in the unit of
    the budget, and ``absolute_metrics`` is the test accuracy after training.
    """
    found: dict[str, Any] = {}
    for result, name in zip(results, names_of_runs(results), strict=True):
        if not result.test:
            continue
        config = result.config
        steps: dict[str, Any] = {
            f"step_{place}": {
                "step_count": int(point.spent[config.budget.unit]),
                "elapsed_time": point.spent["seconds"],
                "accuracy": [point.accuracy],
            }
            for place, point in enumerate(result.curve)
        }
        steps["absolute_metrics"] = {"accuracy": [result.test.summary.accuracy]}
        task = found.setdefault(suite, {}).setdefault(config.regime, {})
        task.setdefault(name, {})[f"seed_{config.seed}"] = steps
    return found


def comparison_json(found: SideBySide) -> str:
    """A comparison as JSON: the rows of both sides, their difference, and the problems on which they differ."""
    content = {
        "suite": found.suite,
        "regime": found.regime,
        "names": found.names,
        "difference": asdict(found.difference),
        "problems": found.problems,
        "gained": asdict(found.gained),
        "lost": asdict(found.lost),
        "rows": [asdict(row) for row in found.rows],
    }
    return json.dumps(content, indent=1)


def dataset_card(board: Board) -> str:
    """A dataset card (README.md of a Hugging Face dataset) whose data is ``leaderboard.csv``."""
    head = {
        "pretty_name": f"{board.suite} leaderboard",
        "tags": ["leaderboard", "reinforcement-learning", "math"],
        "configs": [{"config_name": "default", "data_files": "leaderboard.csv"}],
    }
    lines = ["---", yaml.safe_dump(head, sort_keys=False, allow_unicode=True).rstrip(), "---", ""]
    lines += [f"# {escaped(board.suite)}", ""]
    for part in board.boards:
        lines += [f"## {part.regime}", "", *grid(REACHED, part.arms).markdown(), ""]
    commands = dict.fromkeys(invocation.command for invocation in board.invocations)
    return "\n".join([*lines, "Made by:", "", *(as_code(command) for command in commands), ""])
