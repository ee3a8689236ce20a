"""All runs of a suite become one document, a board a regime: what ``leaderboard.json`` holds."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any, TypeVar

from evaluators.statistics.ranking import against, standing
from harness.config.regime import RegimeSpec
from harness.config.run_config import SuiteConfig
from harness.errors import HarnessError
from harness.records.results import RunResult
from harness.report.numbers.matching import arm_names, refuse_unmatched, twins
from harness.report.numbers.rows import RANKED_FROM, Row, costs, finished, judge, row, scores

Document = dict[str, Any]
T = TypeVar("T")


def build(suite: SuiteConfig, results: Sequence[RunResult], missing: Sequence[Row] = ()) -> Document:
    """The leaderboard of a suite: one board for each regime, on-policy first.

    ``missing``: objective, regime and seed of what was planned and has no run.

    Raises:
        HarnessError: there is no run, or they are not matched.
    """
    if not results:
        raise HarnessError(
            f"no run of the suite {suite.name} has begun yet; harness run --suite {suite.name} makes some"
        )
    refuse_unmatched(results)
    results = sorted(results, key=lambda r: (_place(r.config.regime_spec), r.config.objective.name, r.config.seed))
    regimes: dict[str, list[RunResult]] = defaultdict(list)
    for result in results:
        regimes[result.config.regime].append(result)
    invocations = _distinct(result.origin.invocation for result in results)
    environments = _distinct(result.origin.versions for result in results)
    return {
        "suite": suite.name,
        "baseline": suite.baseline,
        "margin": suite.margin,
        "boards": [_board(suite, of_regime, missing) for of_regime in regimes.values()],
        "missing": list(missing),
        "overlap": {split: asdict(found) for split, found in results[0].overlap.items()},
        "commits": sorted({result.commit for result in results}),
        "invocations": [asdict(invocation) for invocation in invocations],
        "environments": environments,
        "runs": {
            result.run_id: {
                "objective": result.config.objective.name,
                "regime": result.config.regime,
                "seed": result.config.seed,
                "status": result.status,
                "reason": result.reason,
                "accuracy": result.test.summary.accuracy if result.test else None,
                "spent": result.spent,
                "invocation": invocations.index(result.origin.invocation),
                "environment": environments.index(result.origin.versions),
            }
            for result in results
        },
    }


def _distinct(records: Iterable[T]) -> list[T]:
    found: list[T] = []
    for record in records:
        if record not in found:
            found.append(record)
    return found


def _place(spec: RegimeSpec) -> tuple[int, int, str]:
    """From fresh to fixed: on-policy, stale by age, replay, offline."""
    return ("on_policy", "stale", "replay", "offline").index(spec.kind), spec.steps, str(spec)


def _board(suite: SuiteConfig, results: Sequence[RunResult], missing: Sequence[Row]) -> Row:
    """The table of one regime, best first; controls apart."""
    arms: dict[str, list[RunResult]] = defaultdict(list)
    for result in results:
        arms[result.config.arm_key].append(result)
    names = arm_names([runs[0].config for runs in arms.values()])
    base = next((runs for key, runs in arms.items() if names[key] == suite.baseline), [])
    reference = costs(finished(base or results))
    absent: dict[str, list[int]] = defaultdict(list)
    for lost in missing:
        if lost["regime"] == results[0].config.regime:
            absent[lost["objective"]].append(lost["seed"])
    rows = [
        row(names[key], runs, absent.pop(runs[0].config.objective.name, []), reference) for key, runs in arms.items()
    ]
    rows += [row(name, [], seeds, reference) | {"status": "missing"} for name, seeds in absent.items()]
    rows.sort(key=lambda one: (-one["accuracy"]["mean"] if one["accuracy"] else 1.0, one["objective"]))
    pair = twins(list(arms.values()))
    twin = pair[1] if pair else None
    controls = {names[key] for key, runs in arms.items() if runs[0].config.objective.control or runs is twin}
    part = {
        "regime": results[0].config.regime,
        "budget": results[0].config.budget.model_dump(),
        "baseline": suite.baseline if base else None,
        "rows": [one for one in rows if one["objective"] not in controls],
        "controls": [one for one in rows if one["objective"] in controls],
        "same_as_agro": _agreement(*pair) if pair else None,
        "shared_completions": max(result.shared_completions for result in results),
    }
    return part | _judged(part, {names[key]: runs for key, runs in arms.items()}, suite)


def _judged(part: Row, arms: dict[str, list[RunResult]], suite: SuiteConfig) -> Row:
    """Compare the rows with the baseline, and rank those with seeds enough; controls are compared on their own."""
    measured = {name: found for name, runs in arms.items() if (found := scores(name, runs))}
    if base := measured.get(part["baseline"]):
        for rows in (part["rows"], part["controls"]):
            others = [measured[r["objective"]] for r in rows if r["objective"] in measured.keys() - {base.name}]
            judge(rows, against(base, others, suite.margin), None)
    ranked = [measured[r["objective"]] for r in part["rows"] if len(r["seeds"]) >= RANKED_FROM]
    order = standing(ranked)
    judge(part["rows"], {}, order)
    return {"ties": [list(group) for group in order.ties]}


def _agreement(agro: Sequence[RunResult], rloo: Sequence[RunResult]) -> Row:
    """On how many seeds the A/A pair gave the same verdict on every test completion, as it must."""
    ours = {run.config.seed: run.test for run in finished(agro) if run.test}
    pairs = [(run.test, ours[run.config.seed]) for run in finished(rloo) if run.test and run.config.seed in ours]
    return {"seeds": len(pairs), "same": sum(a.summary.verdicts == b.summary.verdicts for a, b in pairs)}
