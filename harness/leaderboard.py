"""Runs become tables, one a regime: ``leaderboard.json``, its Markdown, and what may not stand in one table."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from evaluators.statistics import Interval, paired_difference, t_interval
from harness.config import RunConfig
from harness.errors import HarnessError
from harness.journal import Record
from harness.regimes import RegimeSpec
from harness.render import markdown
from harness.results import COSTS, RunResult

RANKED_FROM = 5
"""Seeds below which a row is preliminary."""
MATCHED_WITHIN = 0.05
"""Relative difference to the baseline's spending above which a unit is marked."""
Row = dict[str, Any]


def build(suite: str, baseline: str, results: Sequence[RunResult]) -> Row:
    """The leaderboard of a suite: one board for each regime, on-policy first.

    Raises:
        HarnessError: no run has ended, or they are not matched.
    """
    if not results:
        raise HarnessError(f"no run of the suite {suite} has ended yet; harness run --suite {suite} makes some")
    _refuse_unmatched(results)
    regimes: dict[str, list[RunResult]] = defaultdict(list)
    for result in sorted(results, key=lambda r: (_place(r.config.regime), r.config.seed)):
        regimes[result.config.regime].append(result)
    return {
        "suite": suite,
        "boards": [_board(baseline, of_regime) for of_regime in regimes.values()],
        "commits": sorted({result.commit for result in results}),
    }


def _place(regime: str) -> tuple[int, int, str]:
    """From fresh to fixed: on-policy, stale by age, replay, offline."""
    spec = RegimeSpec.parse(regime)
    return ("on_policy", "stale", "replay", "offline").index(spec.kind), spec.steps, regime


def _board(baseline: str, results: Sequence[RunResult]) -> Row:
    """The table of one regime, best first; controls apart."""
    arms: dict[str, list[RunResult]] = defaultdict(list)
    for result in results:
        arms[result.config.arm_key].append(result)
    names = _names([runs[0].config for runs in arms.values()])
    base = next((runs for runs in arms.values() if names[runs[0].config.arm_key] == baseline), [])
    reference = _costs(_finished(base or results))
    rows = [_row(names[key], runs, base, reference) for key, runs in arms.items()]
    rows.sort(key=lambda row: (-row["accuracy"]["mean"] if row["accuracy"] else 1.0, row["objective"]))
    twins = _twins(list(arms.values()))
    controls = {
        names[key] for key, runs in arms.items() if runs[0].config.objective.control or (twins and runs is twins[1])
    }
    config = results[0].config
    return {
        "regime": config.regime,
        "budget": {"unit": config.budget.unit, "total": config.budget.total},
        "baseline": baseline if base else None,
        "rows": [row for row in rows if row["objective"] not in controls],
        "controls": [row for row in rows if row["objective"] in controls],
        "same_as_agro": _agreement(*twins) if twins else None,
        "shared_completions": max(result.shared_completions for result in results),
    }


def _twins(arms: Sequence[list[RunResult]]) -> tuple[list[RunResult], list[RunResult]] | None:
    """The runs of ``agro`` and of ``rloo`` with the same settings: the A/A pair."""
    for agro, rloo in product(arms, arms):
        ours, theirs = agro[0].config, rloo[0].config
        if (ours.objective.objective, theirs.objective.objective) != ("agro", "rloo"):
            continue
        same_fields = ours.objective.fields == theirs.objective.fields | {"form": "off_policy"}
        around = [(c.optimizer, c.objective.constraint, c.objective.control) for c in (ours, theirs)]
        if same_fields and around[0] == around[1]:
            return agro, rloo
    return None


def _agreement(agro: Sequence[RunResult], rloo: Sequence[RunResult]) -> Row:
    """On how many seeds the A/A pair gave the same verdict on every test completion, as it must."""
    ours = {run.config.seed: run for run in _finished(agro)}
    pairs = [(run, ours[run.config.seed]) for run in _finished(rloo) if run.config.seed in ours]
    return {"seeds": len(pairs), "same": sum(a.test["verdicts"] == b.test["verdicts"] for a, b in pairs)}


def _finished(runs: Sequence[RunResult]) -> list[RunResult]:
    return [run for run in runs if not run.failed]


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
        sets[key][f"{result.config.objective.name} {result.config.regime}"] += 1
        budgets[key] = f"{result.config.budget.total:g} {result.config.budget.unit}"
    if len(sets) > 1:
        listed = "; ".join(
            f"{key} ({budgets[key]}: {', '.join(f'{n} x {name}' for name, n in sorted(found.items()))})"
            for key, found in sorted(sets.items())
        )
        raise HarnessError(f"these runs are not matched, so no table can rank them; choose a set by --match: {listed}")
    if len({result.identity for result in results}) > 1:
        raise HarnessError("these runs began from different weights or problems; redo the older ones with --fresh")
    data: dict[int, set[str]] = defaultdict(set)
    for result in results:
        if result.data:
            data[result.config.seed].add(json.dumps(result.data))
    if torn := sorted(seed for seed, found in data.items() if len(found) > 1):
        raise HarnessError(f"runs of seed {torn[0]} were trained on different offline sets; redo them with --fresh")


def _names(configs: Sequence[RunConfig]) -> dict[str, str]:
    """An arm's name: its objective's; with its key behind where one objective has several settings."""
    counts = Counter(config.objective.name for config in configs)
    return {
        c.arm_key: c.objective.name if counts[c.objective.name] == 1 else f"{c.objective.name} ({c.arm_key})"
        for c in configs
    }


def _row(name: str, runs: Sequence[RunResult], base: Sequence[RunResult], reference: dict[str, float]) -> Row:
    """``reference`` is what a run of the baseline spends; without a baseline, the mean run of the board."""
    done = _finished(runs)
    failed = len(runs) - len(done)
    status = "ranked" if len(done) >= RANKED_FROM else "preliminary"
    costs = _costs(done)
    return {
        "objective": name,
        "seeds": [run.config.seed for run in done],
        "accuracy": _interval(t_interval([run.test["accuracy"] for run in done])) if done else None,
        "start_accuracy": _mean(run.start_accuracy for run in runs),
        "difference": _difference(done, base),
        "budget": costs,
        "unmatched": [
            unit for unit, cost in reference.items() if costs and abs(costs[unit] - cost) > MATCHED_WITHIN * cost
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
    theirs = {run.config.seed: run for run in _finished(base)}
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
