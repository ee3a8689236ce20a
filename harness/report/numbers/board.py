"""All runs of a suite become one document, a board a regime: what ``leaderboard.json`` holds."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from evaluators.statistics.ranking import Comparison, Scores, against, standing
from harness.config.regime import RegimeSpec
from harness.config.run_config import SuiteConfig
from harness.errors import HarnessError
from harness.records.events import Invocation
from harness.records.results import RunResult
from harness.report.numbers.document import Agreement, ArmRow, Board, MissingRun, RegimeBoard, RunLine
from harness.report.numbers.doubts import doubts
from harness.report.numbers.looks import by_looks, plan_of
from harness.report.numbers.matching import arm_names, refuse_unmatched, twins
from harness.report.numbers.rows import RANKED_FROM, compared, costs, finished, row, scores

T = TypeVar("T")


def build(
    suite: SuiteConfig,
    results: Sequence[RunResult],
    missing: Sequence[MissingRun] = (),
    planned: Invocation | None = None,
) -> Board:
    """The leaderboard of a suite: one board for each regime, on-policy first.

    ``missing``: what was planned and has no run. ``planned``: the looks to take, where no run records any yet.

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
    environments = _distinct(versions for result in results for versions in (result.origin.versions, *result.later))
    boards = tuple(
        _board(suite, of_regime, missing, plan_of(results, regime) or planned) for regime, of_regime in regimes.items()
    )
    return Board(
        suite=suite.name,
        baseline=suite.baseline,
        margin=suite.margin,
        boards=boards,
        missing=tuple(missing),
        overlap=results[0].overlap,
        commits=tuple(sorted({commit for result in results for commit in result.commits})),
        invocations=tuple(invocations),
        environments=tuple(environments),
        runs={
            result.run_id: RunLine(
                objective=result.config.objective.name,
                regime=result.config.regime,
                seed=result.config.seed,
                status=result.status,
                reason=result.reason,
                accuracy=result.test.summary.accuracy if result.test else None,
                spent=result.spent,
                invocation=invocations.index(result.origin.invocation),
                environment=environments.index(result.origin.versions),
            )
            for result in results
        },
        doubts=doubts(boards, results),
    )


def _distinct(records: Iterable[T]) -> list[T]:
    found: list[T] = []
    for record in records:
        if record not in found:
            found.append(record)
    return found


def _place(spec: RegimeSpec) -> tuple[int, int, str]:
    """From fresh to fixed: on-policy, stale by age, replay, offline."""
    return ("on_policy", "stale", "replay", "offline").index(spec.kind), spec.steps, str(spec)


def _board(
    suite: SuiteConfig, results: Sequence[RunResult], missing: Sequence[MissingRun], planned: Invocation | None
) -> RegimeBoard:
    """The table of one regime, best first; controls apart. ``planned``: its looks, if its seeds were not fixed."""
    arms: dict[str, list[RunResult]] = defaultdict(list)
    for result in results:
        arms[result.config.arm_key].append(result)
    names = arm_names([runs[0].config for runs in arms.values()])
    base = next((runs for key, runs in arms.items() if names[key] == suite.baseline), [])
    rows = _rows({names[key]: runs for key, runs in arms.items()}, base or results, missing)
    pair = twins(list(arms.values()))
    twin = pair[1] if pair else None
    controls = {names[key] for key, runs in arms.items() if runs[0].config.objective.control or runs is twin}
    measured = {names[key]: found for key, runs in arms.items() if (found := scores(names[key], runs))}
    rewarded = {names[key] for key, runs in arms.items() if any(run.rewarded for run in runs)}
    apart = [one for one in rows if one.objective in controls]
    rows = [one for one in rows if one.objective not in controls]
    order = standing([measured[one.objective] for one in rows if len(one.seeds) >= RANKED_FROM])
    baseline = measured.get(suite.baseline)
    part = RegimeBoard(
        regime=results[0].config.regime,
        budget=results[0].config.budget,
        baseline=suite.baseline if base else None,
        rows=compared(rows, _against(baseline, rows, measured, rewarded, suite.margin), order),
        controls=compared(apart, _against(baseline, apart, measured, rewarded, suite.margin)),
        same_as_agro=_agreement(*pair) if pair else None,
        shared_completions=max(result.shared_completions for result in results),
        ties=tuple(order.ties),
    )
    return by_looks(part, {names[key]: runs for key, runs in arms.items()}, planned)


def _rows(
    arms: Mapping[str, Sequence[RunResult]], reference: Sequence[RunResult], missing: Sequence[MissingRun]
) -> list[ArmRow]:
    """Best first; what is missing beside the runs of its objective, or on its own."""
    spent = costs(finished(reference))
    absent: dict[str, list[int]] = defaultdict(list)
    for lost in missing:
        if lost.regime == reference[0].config.regime:
            absent[lost.objective].append(lost.seed)
    rows = [row(name, runs, absent.pop(runs[0].config.objective.name, []), spent) for name, runs in arms.items()]
    rows += [row(name, [], seeds, spent) for name, seeds in absent.items()]
    return sorted(rows, key=lambda one: (-one.accuracy.mean if one.accuracy else 1.0, one.objective))


def _against(
    baseline: Scores | None,
    rows: Sequence[ArmRow],
    measured: Mapping[str, Scores],
    rewarded: Collection[str],
    margin: float,
) -> dict[str, Comparison]:
    """Those of these rows that can be compared; controls are corrected on their own.

    Two that were never rewarded were never taught, so nothing is said of their being equivalent.
    """
    if baseline is None:
        return {}
    others = [measured[one.objective] for one in rows if one.objective in measured.keys() - {baseline.name}]
    found = against(baseline, others, margin)
    learnt = baseline.name in rewarded
    return {name: one if learnt or name in rewarded else replace(one, equivalent_p=None) for name, one in found.items()}


def _agreement(agro: Sequence[RunResult], rloo: Sequence[RunResult]) -> Agreement:
    ours = {run.config.seed: run.test for run in finished(agro) if run.test}
    pairs = [(run.test, ours[run.config.seed]) for run in finished(rloo) if run.test and run.config.seed in ours]
    return Agreement(seeds=len(pairs), same=sum(a.summary.verdicts == b.summary.verdicts for a, b in pairs))
