"""The content of ``leaderboard.json``: one document for all runs of a suite, with one board per regime."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from evaluators.statistics.families import Contest, Correction, Judged, judge
from evaluators.statistics.ranking import Comparison, Scores
from harness.config.run_config import SuiteConfig
from harness.errors import HarnessError
from harness.records.events import Invocation
from harness.records.results import RunResult
from harness.report.numbers.document import Agreement, ArmRow, Board, MissingRun, RegimeBoard, RunLine
from harness.report.numbers.doubts import doubts
from harness.report.numbers.families import families
from harness.report.numbers.fits import fitted
from harness.report.numbers.looks import by_looks, plan_of
from harness.report.numbers.matching import arm_names, refuse_unmatched, twins
from harness.report.numbers.rows import RANKED_FROM, compared, costs, finished, row, scores

T = TypeVar("T")


def build(
    suite: SuiteConfig,
    results: Sequence[RunResult],
    missing: Sequence[MissingRun] = (),
    correction: Correction = "table",
    planned: Invocation | None = None,
) -> Board:
    """The leaderboard of a suite: one board for each regime, on-policy first.

    Args:
        missing: planned runs that never started.
        correction: whether tests are corrected per table or over the whole document.
        planned: the invocation whose looks apply if no run has recorded one yet.

    Raises:
        HarnessError: there is no run, or the runs are not matched.
    """
    if not results:
        raise HarnessError(f"the suite {suite.name} has no runs yet; start some with harness run --suite {suite.name}")
    refuse_unmatched(results)
    results = sorted(results, key=lambda r: (r.config.regime_spec.order, r.config.objective.name, r.config.seed))
    regimes: dict[str, list[RunResult]] = defaultdict(list)
    for result in results:
        regimes[result.config.regime].append(result)
    invocations = _distinct(result.origin.invocation for result in results)
    environments = _distinct(versions for result in results for versions in (result.origin.versions, *result.later))
    entrants = [_entrants(suite, of_regime, missing) for of_regime in regimes.values()]
    judged = judge([one.contest for one in entrants], suite.margin, correction)
    plans = [plan_of(results, regime) or planned for regime in regimes]
    if correction == "document" and any(plan and plan.looks for plan in plans):
        raise HarnessError(
            "these runs were made with --until, and tests over several looks can only be corrected within their "
            "table; leave out --correct document"
        )
    boards = tuple(
        by_looks(_board(one, found), one.arms, plan) for one, found, plan in zip(entrants, judged, plans, strict=True)
    )
    return Board(
        suite=suite.name,
        baseline=suite.baseline,
        margin=suite.margin,
        correction=correction,
        families=families(correction, list(regimes), judged),
        boards=boards,
        missing=tuple(missing),
        overlap=results[0].overlap,
        commits=tuple(sorted({commit for result in results for commit in result.commits})),
        invocations=tuple(invocations),
        environments=tuple(environments),
        runs={result.run_id: _line(result, invocations, environments) for result in results},
        doubts=doubts(boards, results),
        limit=results[0].config.limit,
    )


def _line(result: RunResult, invocations: Sequence[Invocation], environments: Sequence[dict[str, str]]) -> RunLine:
    """The line of a run. It refers to its invocation and environment by their positions in these lists."""
    return RunLine(
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


def _distinct(records: Iterable[T]) -> list[T]:
    found: list[T] = []
    for record in records:
        if record not in found:
            found.append(record)
    return found


@dataclass(frozen=True, kw_only=True, slots=True)
class _Entrants:
    """The arms of one regime before they are compared."""

    runs: Sequence[RunResult]
    arms: Mapping[str, Sequence[RunResult]]
    """The same runs, by the name of their arm on the board."""
    rows: Sequence[ArmRow]
    """Best first."""
    controls: Sequence[ArmRow]
    baseline: str | None
    twins: tuple[list[RunResult], list[RunResult]] | None
    contest: Contest
    rewarded: Collection[str]
    """Arms of which any completion was ever rewarded."""


def _entrants(suite: SuiteConfig, results: Sequence[RunResult], missing: Sequence[MissingRun]) -> _Entrants:
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
    apart = [one for one in rows if one.objective in controls]
    rows = [one for one in rows if one.objective not in controls]

    def others(of: Sequence[ArmRow]) -> list[Scores]:
        return [measured[one.objective] for one in of if one.objective in measured.keys() - {suite.baseline}]

    return _Entrants(
        runs=results,
        arms={names[key]: runs for key, runs in arms.items()},
        rows=rows,
        controls=apart,
        baseline=suite.baseline if base else None,
        twins=pair,
        contest=Contest(
            baseline=measured.get(suite.baseline),
            rows=others(rows),
            controls=others(apart),
            ranked=[measured[one.objective] for one in rows if len(one.seeds) >= RANKED_FROM],
        ),
        rewarded={names[key] for key, runs in arms.items() if any(run.rewarded for run in runs)},
    )


def _board(found: _Entrants, judged: Judged) -> RegimeBoard:
    """The board of one regime, with the best arm first and the controls apart."""
    first = found.runs[0].config
    return RegimeBoard(
        regime=first.regime,
        budget=first.budget,
        baseline=found.baseline,
        rows=fitted(compared(found.rows, _taught(judged.rows, found), judged.standing), found.arms, found.baseline),
        controls=compared(found.controls, _taught(judged.controls, found)),
        same_as_agro=_agreement(*found.twins) if found.twins else None,
        shared_completions=max(result.shared_completions for result in found.runs),
        ties=tuple(judged.standing.ties),
    )


def _taught(comparisons: Mapping[str, Comparison], found: _Entrants) -> dict[str, Comparison]:
    """Comparisons without a test of equivalence if neither arm was ever rewarded: neither has learned anything."""
    learnt = found.baseline in found.rewarded
    return {
        name: one if learnt or name in found.rewarded else replace(one, equivalent_p=None, equivalence_seeds=None)
        for name, one in comparisons.items()
    }


def _rows(
    arms: Mapping[str, Sequence[RunResult]], reference: Sequence[RunResult], missing: Sequence[MissingRun]
) -> list[ArmRow]:
    """The rows, best first. Missing runs count in the row of their objective, or get a row of their own."""
    spent = costs(finished(reference))
    absent: dict[str, list[int]] = defaultdict(list)
    for lost in missing:
        if lost.regime == reference[0].config.regime:
            absent[lost.objective].append(lost.seed)
    rows = [row(name, runs, absent.pop(runs[0].config.objective.name, []), spent) for name, runs in arms.items()]
    rows += [row(name, [], seeds, spent) for name, seeds in absent.items()]
    return sorted(rows, key=lambda one: (-one.accuracy.mean if one.accuracy else 1.0, one.objective))


def _agreement(agro: Sequence[RunResult], rloo: Sequence[RunResult]) -> Agreement:
    ours = {run.config.seed: run.test for run in finished(agro) if run.test}
    pairs = [(run.test, ours[run.config.seed]) for run in finished(rloo) if run.test and run.config.seed in ours]
    return Agreement(seeds=len(pairs), same=sum(a.summary.verdicts == b.summary.verdicts for a, b in pairs))
