"""The choice of runs for a report."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

from harness.config.budget import Budget
from harness.errors import HarnessError
from harness.records.graders import is_called
from harness.records.results import RunResult
from harness.report.numbers.document import MissingRun


@dataclass(frozen=True, kw_only=True, slots=True)
class Selection:
    """Conditions on the runs of a report. ``None`` admits everything."""

    algos: tuple[str, ...] | None = None
    regimes: tuple[str, ...] | None = None
    seeds: tuple[int, ...] | None = None
    budget: Budget | None = None
    match: str | None = None
    grader: str | None = None
    """The full name of a grader, or its version."""

    def of(self, results: Sequence[RunResult]) -> list[RunResult]:
        """The runs that meet all conditions.

        Raises:
            HarnessError: no run meets them, or a name that is asked for has no run.
        """
        chosen = [result for result in results if self._admits_run(result)]
        for what, wanted, there in (
            ("--algos", self.algos, {result.config.objective.name for result in chosen}),
            ("--regime", self.regimes, {result.config.regime for result in chosen}),
            ("--grader", (self.grader,) if self.grader else None, {name for one in chosen for name in _names(one)}),
            ("--match", (self.match,) if self.match else None, {result.config.match_key for result in chosen}),
        ):
            if absent := sorted(set(wanted or ()) - there):
                known = sorted({self._named(what, result) for result in results})
                raise HarnessError(
                    f"{what} {', '.join(absent)}: there is no such run here; choose from {', '.join(known) or 'none'}"
                )
        if results and not chosen:
            seeds = sorted({result.config.seed for result in results})
            budgets = sorted({str(result.config.budget) for result in results})
            raise HarnessError(
                "no run meets all of these conditions; there are runs of seeds "
                f"{', '.join(map(str, seeds))} with {' or '.join(budgets)}; choose other --seeds or another --budget"
            )
        return chosen

    def missing(self, results: Sequence[RunResult]) -> list[MissingRun]:
        """Planned runs that never started, by the plans of the invocations that made ``results``.

        Plans with looks do not count, because they may stop before their last seed.
        """
        there = {(run.config.objective.name, run.config.regime, run.config.seed) for run in results}
        made_by = {run.origin.invocation.id: run.origin.invocation for run in results}
        plans = {key: one.plan for key, one in made_by.items() if one.looks is None}
        planned = dict.fromkeys(
            place for plan in plans.values() for place in product(plan.algos, plan.regimes, plan.seeds)
        )
        return [
            MissingRun(objective=algo, regime=regime, seed=seed)
            for algo, regime, seed in planned
            if (algo, regime, seed) not in there and self._admits(algo, regime, seed)
        ]

    def _admits(self, algo: str, regime: str, seed: int) -> bool:
        pairs = ((algo, self.algos), (regime, self.regimes), (seed, self.seeds))
        return all(wanted is None or value in wanted for value, wanted in pairs)

    def _admits_run(self, result: RunResult) -> bool:
        config = result.config
        return (
            self._admits(config.objective.name, config.regime, config.seed)
            and self.budget in (None, config.budget)
            and self.match in (None, config.match_key)
            and (self.grader is None or is_called(result.grader, self.grader))
        )

    @staticmethod
    def _named(what: str, result: RunResult) -> str:
        config = result.config
        return {
            "--algos": config.objective.name,
            "--regime": config.regime,
            "--grader": result.grader,
            "--match": config.match_key,
        }[what]


def _names(result: RunResult) -> tuple[str, str]:
    """The names by which one may ask for the grader of a run."""
    return result.grader, result.grader.partition("/")[0]
