"""Seeds that are added until a decision: the looks that are possible with the existing runs, and their results.

Everything follows from the runs and the plan that they record. A comparison has a look once all planned seeds of that
look have ended on both sides. Runs beyond the last look are in no test. If too many runs failed, there is no test
either. So the same runs always give the same verdicts, whatever else was run before or after.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from evaluators.statistics.decisions import Decisions
from evaluators.statistics.estimates import Estimate, holm
from evaluators.statistics.proportions import improvement_interval
from evaluators.statistics.ranking import (
    LEVEL,
    Comparison,
    Scores,
    Standing,
    common_seeds,
    difference,
    improvement,
    ranks,
    tie_groups,
)
from evaluators.statistics.sequential import FEWEST, Looks
from harness.errors import HarnessError
from harness.records.events import Invocation
from harness.records.results import RunResult
from harness.report.numbers.document import ArmLooks, ArmRow, Looked, RegimeBoard
from harness.report.numbers.interval import Difference
from harness.report.numbers.rows import RANKED_FROM, finished, scores

Arms = Mapping[str, Sequence[RunResult]]
"""Runs by the arm's name on its board."""


def plan_of(results: Sequence[RunResult], regime: str) -> Invocation | None:
    """The recorded invocation whose looks the runs of a regime follow; None if the number of seeds was fixed.

    If several invocations have the same looks, this is the first one with the arms of all: they form one family of
    comparisons.

    Raises:
        HarnessError: the runs follow different looks, or looks with different margins.
    """
    made_by = {result.origin.invocation.id: result.origin.invocation for result in results}
    found = [one for one in made_by.values() if one.looks and regime in one.plan.regimes]
    if not found:
        return None
    looks = [one.looks for one in found if one.looks]
    _refuse_several(regime, "looks", ["after " + ",".join(map(str, one.seeds)) for one in looks], "seeds")
    _refuse_several(regime, "margins", [f"{100 * one.margin:g}" for one in looks], "points")
    algos = dict.fromkeys(algo for one in found for algo in one.plan.algos)
    return replace(found[0], plan=replace(found[0].plan, algos=tuple(algos)))


def _refuse_several(regime: str, what: str, told: Sequence[str], unit: str) -> None:
    if len(distinct := sorted(set(told))) > 1:
        raise HarnessError(
            f"runs of {regime} were planned with different {what} ({' and '.join(distinct)} {unit}), so no common "
            "error rate holds; choose the arms of one plan with --algos"
        )


def by_looks(part: RegimeBoard, arms: Arms, planned: Invocation | None) -> RegimeBoard:
    """The board with the verdicts, intervals and ranks of its looks. Unchanged if the number of seeds was fixed.

    The margin of equivalence is the planned one, even if the suite's margin has changed since. Without the baseline
    there are only ranks.
    """
    if planned is None or planned.looks is None:
        return part
    runs = RunsAtLooks(planned=planned, arms=arms)
    ranked = [row.objective for row in part.rows if len(row.seeds) >= RANKED_FROM]
    order = standing_over_looks(ranked, runs)
    if part.baseline is None:
        return replace(part, rows=_ranked(part.rows, order), ties=tuple(order.ties))
    named = {run.config.objective.name for found in arms.values() for run in found}
    absent = len(set(planned.plan.algos) - named)
    margin = planned.looks.margin
    rows = _decided(part.rows, part.baseline, runs, margin, absent)
    controls = _decided(part.controls, part.baseline, runs, margin, 0)
    return replace(
        part,
        rows=_ranked(rows, order),
        controls=controls,
        ties=tuple(order.ties),
        looks=Looked(
            plan=planned.looks,
            compared=absent + sum(row.objective != part.baseline for row in part.rows),
            by_hand=runs.by_hand(
                {row.objective: row.looks.taken for row in (*rows, *controls) if row.looks}, part.baseline
            ),
        ),
    )


def _ranked(rows: Sequence[ArmRow], order: Standing) -> tuple[ArmRow, ...]:
    return tuple(replace(row, rank=order.ranks.get(row.objective)) for row in rows)


@dataclass(frozen=True, kw_only=True, slots=True)
class RunsAtLooks:
    """The runs of a board at each look."""

    planned: Invocation
    arms: Arms

    @property
    def looks(self) -> Looks:
        assert self.planned.looks
        return Looks(self.planned.looks.seeds)

    def at(self, name: str, look: int) -> list[RunResult] | None:
        """The runs of an arm for the seeds of a look; None if some of them have not ended."""
        wanted = self.planned.plan.seeds[: self.looks.seeds[look]]
        there = [run for run in self.arms[name] if run.config.seed in wanted]
        return there if len(there) == len(wanted) and all(run.status != "unfinished" for run in there) else None

    def both(self, a: str, b: str, look: int) -> "Pair | None":
        """Two arms at a look; None if this look is not possible yet."""
        ours, theirs = self.at(a, look), self.at(b, look)
        if ours is None or theirs is None:
            return None
        taught = any(run.rewarded for run in (*ours, *theirs))
        return Pair(ours=scores(a, ours), theirs=scores(b, theirs), taught=taught)

    def by_hand(self, taken: Mapping[str, int], baseline: str) -> int:
        """The number of runs in the looks ``taken`` that an invocation without looks started."""
        most = {**taken, baseline: max(taken.values(), default=0)}
        seen = [run for name, looks in most.items() if looks for run in self.at(name, looks - 1) or []]
        return sum(run.origin.invocation.looks is None for run in seen)


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """Two arms at a look. Scores are None if none of the runs finished."""

    ours: Scores | None
    theirs: Scores | None
    taught: bool
    """Whether any run of either arm was ever rewarded. Otherwise equivalence is not tested."""

    @property
    def estimate(self) -> Estimate | None:
        return difference(self.ours, self.theirs) if self.ours and self.theirs else None

    @property
    def enough(self) -> bool:
        """Whether enough seeds have finished on both sides for a test that keeps its level."""
        return self.ours is not None and self.theirs is not None and len(common_seeds(self.ours, self.theirs)) >= FEWEST


def _decided(
    rows: Sequence[ArmRow], baseline: str, runs: RunsAtLooks, margin: float, absent: int
) -> tuple[ArmRow, ...]:
    """The rows of one family of comparisons after all looks."""
    names = [row.objective for row in rows if row.objective in runs.arms and row.objective != baseline]
    found = Decisions(runs.looks, (len(names),), absent=absent)
    last: list[tuple[int, Pair] | None] = [None] * len(names)
    for look in range(len(runs.looks.seeds)):
        differing, same = np.ones(len(names)), np.ones(len(names))
        for place, name in enumerate(names):
            pair = runs.both(name, baseline, look) if found.open[place] else None
            if pair is None:
                continue
            last[place] = look, pair
            if pair.enough and (estimate := pair.estimate) and (p := estimate.p_value()) is not None:
                differing[place] = p
                same[place] = (estimate.equivalence(margin) or 0.0) if pair.taught else 1.0
        found.look(look, differing, same)
    return tuple(_row(row, names, last, found, runs) for row in rows)


def _row(
    row: ArmRow,
    names: Sequence[str],
    last: Sequence[tuple[int, Pair] | None],
    found: Decisions,
    runs: RunsAtLooks,
) -> ArmRow:
    if row.objective not in names:
        return row
    place = names.index(row.objective)
    seen = last[place]
    if seen is None:  # the difference is shown, but not tested
        untested = row.difference and replace(
            row.difference, p=None, p_holm=None, equivalent_p=None, detectable=None, equivalence_seeds=None
        )
        looks = ArmLooks(taken=0, verdict=None, at=None, beyond=len(row.seeds))
        return replace(row, difference=untested, looks=looks)
    look, pair = seen
    told = _difference(pair, runs.looks.bounds(LEVEL)[look], place, found)
    at = int(found.at[place])
    kind = None if not at else "equivalent" if found.equivalent[place] else "better"
    if kind == "better" and told and told.mean < 0:
        kind = "worse"
    looks = ArmLooks(
        taken=look + 1,
        verdict=kind,  # type: ignore[arg-type]
        at=at or None,
        beyond=len(row.seeds) - len(finished(runs.at(row.objective, look) or [])),
    )
    return replace(row, difference=told, looks=looks)


def _difference(pair: Pair, bound: float, place: int, found: Decisions) -> Difference | None:
    """The difference at the last look, with the interval of that look and p-values over all looks."""
    estimate = pair.estimate
    if estimate is None or pair.ours is None or pair.theirs is None:
        return None
    tested = pair.enough and estimate.error is not None
    better, level = improvement(pair.ours, pair.theirs), 1 - bound
    comparison = Comparison(
        difference=estimate,
        p=float(found.differing[place]) if tested else None,
        p_holm=float(found.corrected(found.differing)[place]) if tested else None,
        equivalent_p=float(found.corrected(found.same)[place]) if tested and pair.taught else None,
        improvement=better,
        detectable=None,
        improvement_interval=improvement_interval(better, len(pair.ours.seeds), len(pair.theirs.seeds), level)
        if tested and level < 1
        else None,
    )
    low, high = (repeated_interval(estimate, bound) if tested else None) or (None, None)
    return replace(Difference.between(comparison), low=low, high=high)


def repeated_interval(estimate: Estimate, bound: float) -> tuple[float, float] | None:
    """A repeated confidence interval (Jennison and Turnbull 1989), at the level that this look may spend.

    The intervals of all looks together cover the true difference with probability 0.95, so one may stop at any look.
    The ends are clipped to -1 and 1, the range of a difference of shares.
    """
    if estimate.error is None:
        return None
    if 1 - bound == 1:
        return -1.0, 1.0
    low, high = estimate.interval(1 - bound) or (-1.0, 1.0)
    return max(low, -1.0), min(high, 1.0)


def standing_over_looks(names: Sequence[str], runs: RunsAtLooks) -> Standing:
    """Ranks and ties from tests of all pairs, each with its p-value over the looks that both arms have.

    ``names``: best mean first.
    """
    pairs = list(combinations(range(len(names)), 2))
    corrected = holm([_over_looks(names[i], names[j], runs) for i, j in pairs])
    apart: NDArray[np.bool_] = np.zeros((len(names), len(names)), dtype=bool)
    for (i, j), p in zip(pairs, corrected, strict=True):
        apart[i, j] = apart[j, i] = p < LEVEL
    return Standing(ranks=dict(zip(names, ranks(apart), strict=True)), ties=tie_groups(names, apart))


def _over_looks(a: str, b: str, runs: RunsAtLooks) -> float:
    found = 1.0
    for look in range(len(runs.looks.seeds)):
        pair = runs.both(a, b, look)
        estimate = pair.estimate if pair and pair.enough else None
        if estimate and (p := estimate.p_value()) is not None:
            found = min(found, float(runs.looks.overall(p, look)))
    return found
