"""Runs become a table: ``leaderboard.json``, its Markdown rendering, and what may not stand in one table."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from evaluators.statistics import Interval, paired_difference, t_interval
from harness.config import RunConfig
from harness.errors import HarnessError
from harness.journal import Record, spent_in
from harness.render import markdown

RANKED_FROM = 5
"""Seeds below which a row is preliminary."""
MATCHED_WITHIN = 0.05
"""Relative difference to the baseline's spending above which a unit is marked."""
COSTS = (
    "completions",
    "sampled_tokens",
    "optimizer_steps",
    "trained_tokens",
    "reference_tokens",
    "flops",
    "seconds",
)

Row = dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class RunResult:
    """What a table needs of one run that has ended."""

    config: RunConfig
    failed: bool
    identity: str
    commit: str
    start_accuracy: float
    test: Record
    """The last evaluation on the test split."""
    spent: dict[str, float]
    curve: list[tuple[float, float]]
    """Budget spent and validation accuracy."""


def read_result(records: Sequence[Record]) -> RunResult | None:
    """The result of a journal; None while the run has not ended."""
    if not records or records[-1]["event"] != "end":
        return None
    start, end = records[0], records[-1]
    config = RunConfig.model_validate(start["config"])
    tests = [r for r in records if r["event"] == "evaluation" and r["split"] == "test"]
    return RunResult(
        config=config,
        failed=end["status"] == "failed",
        identity=json.dumps(start["identity"], sort_keys=True),
        commit=start["origin"]["versions"]["commit"],
        start_accuracy=tests[0]["accuracy"],
        test=tests[-1],
        spent={unit: spent_in(end, unit) for unit in COSTS},
        curve=[
            (spent_in(r, config.budget.unit), r["accuracy"])
            for r in records
            if r["event"] == "evaluation" and r["split"] == "validation"
        ],
    )


def build(suite: str, baseline: str, results: Sequence[RunResult]) -> Row:
    """The leaderboard of matched runs, best first.

    Raises:
        HarnessError: no run has ended, or the runs are not matched.
    """
    if not results:
        raise HarnessError(f"no run of the suite {suite} has ended yet; harness run --suite {suite} makes some")
    _refuse_unmatched(results)
    arms: dict[str, list[RunResult]] = defaultdict(list)
    for result in sorted(results, key=lambda r: r.config.seed):
        arms[result.config.arm_key].append(result)
    names = _names([runs[0].config for runs in arms.values()])
    base = next((runs for runs in arms.values() if names[runs[0].config.arm_key] == baseline), [])
    rows = [_row(names[key], runs, base) for key, runs in arms.items()]
    rows.sort(key=lambda row: (-row["accuracy"]["mean"] if row["accuracy"] else 1.0, row["objective"]))
    config = results[0].config
    return {
        "suite": suite,
        "regime": config.regime,
        "budget": {"unit": config.budget.unit, "total": config.budget.total},
        "baseline": baseline if base else None,
        "rows": rows,
        "commits": sorted({result.commit for result in results}),
    }


def write(board: Row, folder: Path) -> None:
    """``leaderboard.json`` and its rendering ``leaderboard.md``."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "leaderboard.json").write_text(json.dumps(board, indent=2) + "\n", encoding="utf-8")
    (folder / "leaderboard.md").write_text(markdown(board), encoding="utf-8")


def _refuse_unmatched(results: Sequence[RunResult]) -> None:
    sets: dict[str, Counter[str]] = defaultdict(Counter)
    budgets: dict[str, str] = {}
    for result in results:
        key = result.config.match_key
        sets[key][result.config.objective.name] += 1
        budgets[key] = f"{result.config.regime}, {result.config.budget.total:g} {result.config.budget.unit}"
    if len(sets) > 1:
        listed = "; ".join(
            f"{key} ({budgets[key]}: {', '.join(f'{n} x {name}' for name, n in sorted(found.items()))})"
            for key, found in sorted(sets.items())
        )
        raise HarnessError(f"these runs are not matched, so no table can rank them; choose a set by --match: {listed}")
    if len({result.identity for result in results}) > 1:
        raise HarnessError("these runs began from different weights or problems; redo the older ones with --fresh")


def _names(configs: Sequence[RunConfig]) -> dict[str, str]:
    """An arm's name: its objective's; with its key behind where one objective has several settings."""
    counts = Counter(config.objective.name for config in configs)
    return {
        c.arm_key: c.objective.name if counts[c.objective.name] == 1 else f"{c.objective.name} ({c.arm_key})"
        for c in configs
    }


def _row(name: str, runs: Sequence[RunResult], base: Sequence[RunResult]) -> Row:
    done = [run for run in runs if not run.failed]
    failed = len(runs) - len(done)
    status = "ranked" if len(done) >= RANKED_FROM else "preliminary"
    costs, base_costs = _costs(done), _costs([run for run in base if not run.failed])
    return {
        "objective": name,
        "seeds": [run.config.seed for run in done],
        "accuracy": _interval(t_interval([run.test["accuracy"] for run in done])) if done else None,
        "start_accuracy": _mean(run.start_accuracy for run in runs),
        "difference": _difference(done, base),
        "budget": costs,
        "unmatched": [
            unit for unit, cost in base_costs.items() if costs and abs(costs[unit] - cost) > MATCHED_WITHIN * cost
        ],
        "kl": _mean(run.test["kl"] for run in done),
        "completion_tokens": _mean(run.test["completion_tokens"] for run in done),
        "truncated": _mean(run.test["truncated"] for run in done),
        "grader_timeouts": _mean(run.test["grader_timeouts"] for run in done),
        "run_ids": [run.config.run_id for run in runs],
        "failed_seeds": failed,
        "status": status if done else "failed",
        "curve": _curve(done),
    }


def _costs(runs: Sequence[RunResult]) -> dict[str, float]:
    """Mean spending a run, in every unit."""
    return {unit: float(np.mean([run.spent[unit] for run in runs])) for unit in COSTS} if runs else {}


def _mean(values: Iterable[float]) -> float | None:
    numbers = list(values)
    return float(np.mean(numbers)) if numbers else None


def _interval(interval: Interval) -> dict[str, float | None]:
    return {"mean": interval.mean, "low": interval.low, "high": interval.high}


def _difference(runs: Sequence[RunResult], base: Sequence[RunResult]) -> dict[str, float | None] | None:
    """Accuracy minus the baseline's, over the seeds that both have; None for the baseline itself."""
    theirs = {run.config.seed: run for run in base if not run.failed}
    pairs = [(run, theirs[run.config.seed]) for run in runs if run.config.seed in theirs]
    if not pairs or runs[0].config.arm_key == base[0].config.arm_key:
        return None
    ours, others = (np.stack([_by_problem(pair[side].test) for pair in pairs]) for side in (0, 1))
    return _interval(paired_difference(ours, others))


def _by_problem(test: Record) -> np.ndarray:
    """[problems] share of correct samples, in the order of problem ids."""
    verdicts = test["verdicts"]
    return np.array([verdicts[key].count("c") / len(verdicts[key]) for key in sorted(verdicts)])


def _curve(runs: Sequence[RunResult]) -> list[dict[str, float | None]]:
    """Mean and interval of validation accuracy over seeds, at the points that all seeds have."""
    points: list[dict[str, float | None]] = []
    for place in zip(*(run.curve for run in runs), strict=False):
        spent = float(np.mean([x for x, _ in place]))
        points.append({"spent": spent, **_interval(t_interval([y for _, y in place]))})
    return points
