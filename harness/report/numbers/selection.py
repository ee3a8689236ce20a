"""Which of a suite's runs a report is about."""

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
    """What is asked for; ``None``: all of it."""

    algos: tuple[str, ...] | None = None
    regimes: tuple[str, ...] | None = None
    seeds: tuple[int, ...] | None = None
    budget: Budget | None = None
    match: str | None = None
    grader: str | None = None
    """Its name, or its version alone."""

    def of(self, results: Sequence[RunResult]) -> list[RunResult]:
        """Those that are asked for.

        Raises:
            HarnessError: nothing is left, or an objective or regime that is asked for has no run.
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
                    f"{what} {', '.join(absent)}: no such run here; there are {', '.join(known) or 'none'}"
                )
        if results and not chosen:
            seeds = sorted({result.config.seed for result in results})
            budgets = sorted({str(result.config.budget) for result in results})
            raise HarnessError(
                "none of the runs here has all that is asked for; there are runs of seeds "
                f"{', '.join(map(str, seeds))} with {' or '.join(budgets)}; ask for other --seeds or another --budget"
            )
        return chosen

    def missing(self, results: Sequence[RunResult]) -> list[MissingRun]:
        """What an invocation of these runs planned, and what has no run at all; not where it may end before."""
        there = {(run.config.objective.name, run.config.regime, run.config.seed) for run in results}
        made_by = {run.origin.invocation.id: run.origin.invocation for run in results}
        plans = {key: one.plan for key, one in made_by.items() if one.looks is None}  # others may end before
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
    """What the grader of a run may be called."""
    return result.grader, result.grader.partition("/")[0]
