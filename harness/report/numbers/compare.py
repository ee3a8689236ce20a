"""The comparison of two objectives or two runs: their difference, the problems where they differ, and their costs."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from evaluators.statistics.accuracy import SampleRecord
from evaluators.statistics.by_problem import beyond_noise
from evaluators.statistics.estimates import over_seeds
from evaluators.statistics.ranking import LEVEL, Scores, against
from evaluators.types import Verdict
from harness.config.run_config import SuiteConfig
from harness.errors import HarnessError
from harness.records.results import RunResult, by_problem
from harness.report.numbers.interval import Difference, Interval
from harness.report.numbers.matching import refuse_unmatched, refuse_unmatched_pair, told_apart
from harness.report.numbers.rows import costs, row
from harness.report.numbers.side_by_side import Attempt, Changed, Counted, Example, SideBySide

SHOWN = 100
"""Completions are kept for this many problems that were gained, and for as many that were lost."""
Completions = Callable[[RunResult], list[SampleRecord]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Pairs:
    """Pairs of runs: one pair per seed, or the two runs that were named."""

    names: tuple[str, str]
    runs: list[tuple[RunResult, RunResult]]

    @property
    def single(self) -> bool:
        """Whether there is only one pair, so that nothing follows for other seeds."""
        return len(self.runs) == 1


def pair(a: str, b: str, results: Sequence[RunResult], regime: str | None) -> Pairs:
    """Two objectives on the seeds that both have finished, or two runs.

    Raises:
        HarnessError: a name is unknown or ambiguous, no run has finished, or the two are not matched.
    """
    if not results:
        raise HarnessError("there are no runs to compare here; make some with harness run, or name others with --from")
    named = [(name, _named(name, results)) for name in (a, b)]
    sides = [_of_one_regime(name, runs, regime) for name, runs in named]
    if {a, b} & {run.config.objective.name for side in sides for run in side}:
        refuse_unmatched([run for side in sides for run in side])
    else:  # two named runs or rows, so no option can select others
        refuse_unmatched_pair((a, b), *sides)
    first, second = (_finished(name, side) for name, side in zip((a, b), sides, strict=True))
    if len({run.config.regime for run in (*first, *second)}) > 1:
        raise HarnessError(f"{a} and {b} were trained in different regimes; choose one with --regime")
    if len(first) == len(second) == 1:
        return Pairs(names=(a, b), runs=[(first[0], second[0])])
    theirs = {run.config.seed: run for run in second}
    runs = [(run, theirs[run.config.seed]) for run in first if run.config.seed in theirs]
    if not runs:
        raise HarnessError(f"{a} and {b} have no finished seed in common; train such seeds with harness run")
    return Pairs(names=(a, b), runs=runs)


def _named(name: str, results: Sequence[RunResult]) -> list[RunResult]:
    """The runs that a name stands for."""
    named = [run for run in results if name in (run.run_id, run.config.objective.name, run.config.arm_key)]
    if not named:
        known = sorted({run.config.objective.name for run in results})
        raise HarnessError(f"there is no objective or run {name!r} here; objectives: {', '.join(known)}")
    return named


def _of_one_regime(name: str, named: Sequence[RunResult], regime: str | None) -> list[RunResult]:
    """The named runs of ``regime``, or of the only one that they have."""
    chosen = [run for run in named if regime in (None, run.config.regime)]
    regimes = sorted({run.config.regime for run in named})
    if not chosen or (len({run.config.regime for run in chosen}) > 1):
        raise HarnessError(f"{name} has runs in {', '.join(regimes)}; choose one with --regime")
    return chosen


def _finished(name: str, chosen: Sequence[RunResult]) -> list[RunResult]:
    """Those that have finished, which must be runs of one arm."""
    arms = {run.config.arm_key: run.config for run in chosen}
    if len(arms) > 1:
        keys = "; ".join(f"{key} ({settings})" for key, settings in told_apart(arms).items())
        raise HarnessError(f"{name} has runs with different settings; choose one by its key: {keys}")
    done = [run for run in chosen if run.test]
    if not done:
        raise HarnessError(f"no run of {name} has finished: {', '.join(f'{r.run_id} {r.status}' for r in chosen)}")
    return sorted(done, key=lambda run: run.config.seed)


def compare(suite: SuiteConfig, pairs: Pairs, completions: Completions) -> SideBySide:
    """Compare the first side of ``pairs`` with the second."""
    ours, theirs = ([both[side] for both in pairs.runs] for side in (0, 1))
    spent = costs(theirs)
    scores = (_scores(pairs.names[0], ours), _scores(pairs.names[1], theirs))
    deltas = (scores[0].shares - scores[1].shares).mean(axis=0)
    counted = _counted(ours, theirs)
    order = sorted(range(len(counted)), key=lambda at: (counted[at].p, -abs(deltas[at]), counted[at].problem))
    samples = [tuple(_samples(completions(run), run) for run in both) for both in pairs.runs]

    def changed(kind: Literal["gained", "lost"], better: int, places: Sequence[int]) -> Changed:
        examples = tuple(
            _example(samples, counted[place], better, tuple(float(side.shares[:, place].mean()) for side in scores))
            for place in places[:SHOWN]
        )
        clear = sum(counted[place].p < LEVEL for place in places)
        return Changed(kind=kind, count=len(places), clear=clear, examples=examples)

    return SideBySide(
        suite=suite.name,
        regime=ours[0].config.regime,
        names=pairs.names,
        single=pairs.single,
        margin=suite.margin,
        rows=(row(pairs.names[0], ours, [], spent), row(pairs.names[1], theirs, [], spent)),
        runs=(tuple(ours), tuple(theirs)),
        difference=_difference(pairs, *scores, suite.margin),
        looked=any(run.origin.invocation.looks is not None for both in pairs.runs for run in both),
        counted=counted,
        gained=changed("gained", 0, [place for place in order if deltas[place] > 0]),
        lost=changed("lost", 1, [place for place in order if deltas[place] < 0]),
    )


def _counted(*sides: Sequence[RunResult]) -> tuple[Counted, ...]:
    """All problems, sorted by id, with the p-value for no difference on each."""
    verdicts = [[run.test.summary.verdicts for run in side if run.test] for side in sides]
    named = sorted({problem for found in verdicts[0] for problem in found})
    letters = [["".join(found[problem] for found in side) for problem in named] for side in verdicts]
    correct = [[text.count("c") for text in side] for side in letters]
    samples = [list(map(len, side)) for side in letters]
    found = beyond_noise(correct[0], samples[0], correct[1], samples[1])
    return tuple(
        Counted(problem=problem, correct=(a, b), samples=(m, n), p=float(p))
        for problem, a, m, b, n, p in zip(named, correct[0], samples[0], correct[1], samples[1], found, strict=True)
    )


def _difference(pairs: Pairs, ours: Scores, theirs: Scores, margin: float) -> Interval:
    if pairs.single:
        return Interval.of(over_seeds((ours.shares - theirs.shares)[0]))
    found = against(theirs, [ours], margin)[ours.name]
    taught = any(run.rewarded for both in pairs.runs for run in both)
    return Difference.between(found if taught else replace(found, equivalent_p=None, equivalence_seeds=None))


def _scores(name: str, runs: Sequence[RunResult]) -> Scores:
    """Scores numbered by pair instead of seed, because two runs that were named may have different seeds."""
    shares = np.stack([by_problem(run.test) for run in runs if run.test])
    return Scores(name=name, seeds=tuple(range(len(runs))), shares=shares)


Samples = dict[str, list[tuple[SampleRecord, Verdict]]]
"""Completions by problem, each with the verdict that counts in the suite."""


def _samples(records: Sequence[SampleRecord], run: RunResult) -> Samples:
    found: Samples = defaultdict(list)
    for record in records:
        found[record.problem].append((record, getattr(record, run.config.task.grading)))
    return found


def _example(
    samples: Sequence[tuple[Samples, ...]], counted: Counted, better: int, shares: tuple[float, ...]
) -> Example:
    """One attempt of each side, from the same draw. Prefers a draw that only the ``better`` side solved."""
    problem = counted.problem

    def telling(place: tuple[int, int]) -> int:
        verdicts = [side[problem][place[1]][1] for side in samples[place[0]]]
        return (verdicts[better] is Verdict.CORRECT) + (verdicts[1 - better] is not Verdict.CORRECT)

    places = [(both, draw) for both, (ours, _) in enumerate(samples) for draw in range(len(ours[problem]))]
    both, draw = max(places, key=telling)
    chosen = [side[problem][draw] for side in samples[both]]
    return Example(
        problem=problem,
        question=chosen[0][0].question,
        answer=chosen[0][0].answer,
        attempts=tuple(
            Attempt(text=record.text, verdict=verdict, tokens=record.tokens, truncated=record.truncated)
            for record, verdict in chosen
        ),
        shares=shares,
        p=counted.p,
        clear=counted.p < LEVEL,
    )
