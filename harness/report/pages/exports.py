"""A leaderboard in the formats of others: CSV, Parquet, marl-eval's JSON, a dataset card's table."""

import csv
import io
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import yaml

from harness.records.results import COSTS, RunResult
from harness.report.numbers.rows import OF_TESTS
from harness.report.pages.cells import REACHED, reached
from harness.report.pages.text import as_code, escaped, map_rows, pipes

Row = dict[str, Any]
PLAIN = ("objective", "status", "seeds", "failed", "unfinished", "missing", "start_accuracy", *OF_TESTS, "unmatched")
INTERVALS = ("accuracy", "difference", "mean_over_budget")
TESTS = ("p", "p_holm", "equivalent_p", "improvement", "detectable")


def as_csv(board: Row) -> str:
    """A line a row and regime, controls included; lists are separated by spaces, and what there is not is empty."""
    file = io.StringIO()
    ends = [f"{name}_{end}" for name in INTERVALS for end in ("mean", "low", "high")]
    header = ["regime", "control", *PLAIN, "rank_best", "rank_worst", *ends, *TESTS, *COSTS, "run_ids"]
    writer = csv.DictWriter(file, header, lineterminator="\n")
    writer.writeheader()
    for part in board["boards"]:
        for kind in ("rows", "controls"):
            for row in part[kind]:
                flat = {key: row[key] for key in (*PLAIN, "run_ids")} | row["budget"]
                flat |= {f"{name}_{end}": value for name in INTERVALS for end, value in (row[name] or {}).items()}
                flat |= {key: (row["difference"] or {}).get(key) for key in TESTS}
                flat |= dict(zip(("rank_best", "rank_worst"), row["rank"] or (), strict=False))
                flat |= {"regime": part["regime"], "control": kind == "controls"}
                writer.writerow({key: _cell(flat.get(key)) for key in header})
    return file.getvalue()


def _cell(value: Any) -> Any:
    text = " ".join(map(str, value)) if isinstance(value, list) else value
    if isinstance(text, str) and text.startswith(("=", "+", "-", "@", "\t", "\r")):
        return f"'{text}"  # a spreadsheet would run it as a formula
    return text


def by_problem_and_run(results: Sequence[RunResult]) -> pa.Table:
    """A line a finished run and test problem: how many of its samples were correct."""
    lines: list[Row] = []
    for result in results:
        config = result.config
        run = {"regime": config.regime, "objective": config.objective.name, "seed": config.seed}
        run |= {"run_id": result.run_id}
        lines += [
            run | {"problem": problem, "correct": verdicts.count("c"), "samples": len(verdicts)}
            for problem, verdicts in (result.test.summary.verdicts.items() if result.test else ())
        ]
    return pa.Table.from_pylist(lines)


def marl_eval(suite: str, results: Sequence[RunResult]) -> Row:
    """The ended runs as marl-eval reads them (Gorsane et al. 2022): environment, task, algorithm, run, step.

    The environment is the suite, a task is a regime; steps are the validations, ``step_count`` is in the budget's unit,
    and ``absolute_metrics`` is the test accuracy at the end.
    """
    found: Row = {}
    for result in results:
        if not result.test:
            continue
        config = result.config
        steps: Row = {
            f"step_{place}": {
                "step_count": int(point.spent[config.budget.unit]),
                "elapsed_time": point.spent["seconds"],
                "accuracy": [point.accuracy],
            }
            for place, point in enumerate(result.curve)
        }
        steps["absolute_metrics"] = {"accuracy": [result.test.summary.accuracy]}
        task = found.setdefault(suite, {}).setdefault(config.regime, {})
        task.setdefault(config.objective.name, {})[f"seed_{config.seed}"] = steps
    return found


def dataset_card(board: Row) -> str:
    """A dataset card (README.md of a Hugging Face dataset) whose data is ``leaderboard.csv``."""
    head = {
        "pretty_name": f"{board['suite']} leaderboard",
        "tags": ["leaderboard", "reinforcement-learning", "math"],
        "configs": [{"config_name": "default", "data_files": "leaderboard.csv"}],
    }
    lines = ["---", yaml.safe_dump(head, sort_keys=False, allow_unicode=True).rstrip(), "---", ""]
    lines += [f"# {escaped(board['suite'])}", ""]
    for part in board["boards"]:
        lines += [f"## {part['regime']}", "", *pipes(REACHED, map_rows(reached, part["rows"] + part["controls"])), ""]
    commands = dict.fromkeys(invocation["command"] for invocation in board["invocations"])
    return "\n".join([*lines, "Made by:", "", *(as_code(command) for command in commands), ""])
