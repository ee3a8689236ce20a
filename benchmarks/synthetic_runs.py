"""Writes finished runs without training them. One real step is repeated with random changes."""

import json
import shutil
import tempfile
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import TypeVar

import numpy as np

from evaluators.statistics.accuracy import SampleRecord, read_records, write_records
from evaluators.types import Split, Verdict
from harness.config.arms import run_config
from harness.config.run_config import RunConfig
from harness.config.suites import load_suite
from harness.records.events import End, Evaluation, Event, Invocation, PlannedRuns, Start, Step, Summary, encode
from harness.records.journal import JOURNAL, Journal
from harness.records.ledger import Ledger
from harness.records.out_dir import EVALUATIONS, OutDir
from harness.records.results import start_of
from harness.training.loop import train

SUITE = "tiny-arithmetic"
NOBODY = Invocation(id="", name="", command="", plan=PlannedRuns(algos=(), regimes=(), seeds=()))
"""The invocation of runs that no command made."""
Later = TypeVar("Later", Step, Evaluation, End)
OBJECTIVES = ("grpo", "agro", "ppo", "dpo", "reinforce")
"""The objectives, in turn. Each is one percentage point better than the one before it."""


@dataclass(frozen=True, kw_only=True)
class Template:
    """A run of one step, made by the real training loop. All other runs are made from it."""

    start: Start
    step: Step
    validation: Evaluation
    test: Evaluation
    end: End
    tables: dict[str, list[SampleRecord]]
    """The tables of completions of ``test`` and ``validation``."""

    @classmethod
    @cache
    def trained(cls) -> "Template":
        """Trains the template. This takes some seconds, once per process."""
        suite = load_suite(SUITE)
        batch = suite.rollout.prompts * suite.rollout.group_size
        config = run_config(load_suite(SUITE, [("budget.total", batch)]), OBJECTIVES[0], 0)
        with tempfile.TemporaryDirectory() as folder:
            train(config, Path(folder), NOBODY)
            events = Journal(Path(folder)).read()
            tables = {
                split: read_records(Path(folder) / EVALUATIONS / f"{split}-000001.parquet")
                for split in ("test", "validation")
            }
        evaluations = {event.split: event for event in events if isinstance(event, Evaluation)}
        (step,), (end,) = ([event for event in events if isinstance(event, kind)] for kind in (Step, End))
        return cls(
            start=start_of(events),
            step=step,
            validation=evaluations[Split.VALIDATION],
            test=evaluations[Split.TEST],
            end=end,
            tables=tables,
        )

    def write(self, out_dir: OutDir, config: RunConfig, invocation: Invocation) -> None:
        """Writes a run directory with the journal and tables of the whole budget. Replaces an existing directory."""
        directory = out_dir.run_of(config)
        shutil.rmtree(directory, ignore_errors=True)
        (directory / EVALUATIONS).mkdir(parents=True)
        rank = OBJECTIVES.index(config.objective.name)
        rng = np.random.default_rng([config.seed, rank])
        steps = int(config.budget.total // self.step.ledger.completions)
        marks = {round(share * steps) for share in config.evaluation.shares}
        origin = replace(self.start.origin, invocation=invocation)
        events: list[Event] = [replace(self.start, run_id=config.run_id, config=config, origin=origin)]
        for step in range(steps + 1):
            reached = 0.45 + (0.25 + 0.01 * rank) * step / steps + rng.normal(0, 0.01)
            if step:
                events.append(self._at(step, replace(self.step, metrics=self._varied(rng))))
            for split in (["validation"] if step in marks else []) + (["test"] if step in (0, steps) else []):
                table = _graded(self.tables[split], reached, rng)
                write_records(table, directory / EVALUATIONS / f"{split}-{step:06d}.parquet")
                events.append(self._at(step, _with_outcome(getattr(self, split), table)))
        events.append(self._at(steps, self.end))
        (directory / JOURNAL).write_text("".join(json.dumps(encode(event)) + "\n" for event in events))

    def _varied(self, rng: np.random.Generator) -> dict[str, float]:
        metrics = self.step.metrics
        factors = rng.uniform(0.9, 1.1, len(metrics)).tolist()
        return {key: (value or 0.0) * factor for (key, value), factor in zip(metrics.items(), factors, strict=True)}

    def _at(self, step: int, event: Later) -> Later:
        """The event at ``step``, with a ledger that grows in proportion to the steps."""
        ledger = Ledger(**{key: step * value for key, value in asdict(self.step.ledger).items()})
        return replace(event, step=step, ledger=ledger, time=self.start.time + ledger.seconds)


def _graded(table: list[SampleRecord], share: float, rng: np.random.Generator) -> list[SampleRecord]:
    """The completions with new verdicts: ``share`` of them are correct. Some problems are harder than others."""
    place = {problem: i for i, problem in enumerate(dict.fromkeys(record.problem for record in table))}
    ease = np.random.default_rng(0).normal(0, 0.2, len(place))
    right = rng.random(len(table)) < share + ease[[place[record.problem] for record in table]]
    verdicts = [Verdict.CORRECT if correct else Verdict.WRONG for correct in right]
    return [replace(record, strict=v, lenient=v) for record, v in zip(table, verdicts, strict=True)]


def _with_outcome(evaluation: Evaluation, table: list[SampleRecord]) -> Evaluation:
    verdicts: dict[str, str] = {}
    for record in table:
        verdicts[record.problem] = verdicts.get(record.problem, "") + record.strict[0]
    joined = "".join(verdicts.values())
    summary: Summary = replace(evaluation.summary, accuracy=joined.count("c") / len(joined), verdicts=verdicts)
    return replace(evaluation, summary=summary)


def add_runs(root: Path, first: int, last: int) -> None:
    """Writes the runs with numbers from ``first`` to before ``last`` into ``root``, as one invocation.

    The objectives take turns.
    """
    suite, template = load_suite(SUITE), Template.trained()
    seeds = [*range(first // len(OBJECTIVES), -(-last // len(OBJECTIVES)))]
    invocation = Invocation(
        id=f"{first}-{last}",
        name=f"runs {first} to {last}",
        command=f"harness run --algos {','.join(OBJECTIVES)} --seeds {','.join(map(str, seeds))}",
        plan=PlannedRuns(algos=OBJECTIVES, regimes=(suite.regime,), seeds=tuple(seeds)),
    )
    for number in range(first, last):
        seed, rank = divmod(number, len(OBJECTIVES))
        template.write(OutDir(root), run_config(suite, OBJECTIVES[rank], seed), invocation)
