"""Finished runs as the harness writes them, without their training: one real step, repeated and varied."""

import json
import shutil
import tempfile
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from evaluators.statistics.accuracy import SampleRecord, read_records, write_records
from evaluators.types import Verdict
from harness.config.arms import run_config
from harness.config.run_config import RunConfig
from harness.config.suites import load_suite
from harness.records.journal import Journal, Record
from harness.records.out_dir import EVALUATIONS, OutDir
from harness.training.loop import train

SUITE = "tiny-arithmetic"
OBJECTIVES = ("grpo", "agro", "ppo", "dpo", "reinforce")
"""In turn: each is a point better than the one before."""


@dataclass(frozen=True, kw_only=True)
class Template:
    """A run of one step, by the real training loop: what all others are made of."""

    start: Record
    step: Record
    validation: Record
    test: Record
    end: Record
    tables: dict[str, list[SampleRecord]]
    """Of ``test`` and ``validation``."""

    @classmethod
    @cache
    def trained(cls) -> "Template":
        """Some seconds of training, once a process."""
        suite = load_suite(SUITE)
        batch = suite.rollout.prompts * suite.rollout.group_size
        config = run_config(load_suite(SUITE, [("budget.total", batch)]), OBJECTIVES[0], 0)
        with tempfile.TemporaryDirectory() as folder:
            train(config, Path(folder), {})
            records = Journal(Path(folder)).read()
            tables = {
                split: read_records(Path(folder) / EVALUATIONS / f"{split}-000001.parquet")
                for split in ("test", "validation")
            }
        found = {record.get("split", record["event"]): record for record in records}
        return cls(**found, tables=tables)  # type: ignore[arg-type]

    def write(self, store: OutDir, config: RunConfig, invocation: Record) -> None:
        """A run directory with the journal and tables of ``config``'s whole budget; replaces what is there."""
        directory = store.run_of(config)
        shutil.rmtree(directory, ignore_errors=True)
        (directory / EVALUATIONS).mkdir(parents=True)
        rank = OBJECTIVES.index(config.objective.name)
        rng = np.random.default_rng([config.seed, rank])
        steps = int(config.budget.total // self.step["spent"]["completions"])
        marks = {round(share * steps) for share in config.evaluation.shares}
        records = [
            self.start
            | {"run_id": config.run_id, "config": config.model_dump(mode="json")}
            | {"origin": self.start["origin"] | {"invocation": invocation}}
        ]
        for step in range(steps + 1):
            reached = 0.45 + (0.25 + 0.01 * rank) * step / steps + rng.normal(0, 0.01)
            if step:
                records.append(self._at(step, self.step | {"metrics": self._varied(rng)}))
            for split in (["validation"] if step in marks else []) + (["test"] if step in (0, steps) else []):
                table = _graded(self.tables[split], reached, rng)
                write_records(table, directory / EVALUATIONS / f"{split}-{step:06d}.parquet")
                records.append(self._at(step, getattr(self, split) | _outcome(table)))
        records.append(self._at(steps, self.end))
        (directory / "journal.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))

    def _varied(self, rng: np.random.Generator) -> dict[str, float]:
        metrics: dict[str, float] = self.step["metrics"]
        factors = rng.uniform(0.9, 1.1, len(metrics)).tolist()
        return {key: value * factor for (key, value), factor in zip(metrics.items(), factors, strict=True)}

    def _at(self, step: int, record: Record) -> Record:
        """The record as of ``step``: all is spent in proportion."""
        spent = {key: step * value for key, value in self.step["spent"].items()}
        clock = {key: step * value for key, value in self.step["clock"].items()}
        clock["time"] = self.start["clock"]["time"] + clock["seconds"]
        return record | {"step": step, "spent": spent, "clock": clock}


def _graded(table: list[SampleRecord], share: float, rng: np.random.Generator) -> list[SampleRecord]:
    """The completions with ``share`` of them right; some problems are harder than others."""
    place = {problem: i for i, problem in enumerate(dict.fromkeys(record.problem for record in table))}
    ease = np.random.default_rng(0).normal(0, 0.2, len(place))
    right = rng.random(len(table)) < share + ease[[place[record.problem] for record in table]]
    verdicts = [Verdict.CORRECT if correct else Verdict.WRONG for correct in right]
    return [replace(record, strict=v, lenient=v) for record, v in zip(table, verdicts, strict=True)]


def _outcome(table: list[SampleRecord]) -> dict[str, Any]:
    verdicts: dict[str, str] = {}
    for record in table:
        verdicts[record.problem] = verdicts.get(record.problem, "") + record.strict[0]
    joined = "".join(verdicts.values())
    return {"accuracy": joined.count("c") / len(joined), "verdicts": verdicts}


def add_runs(root: Path, first: int, last: int) -> None:
    """Runs number ``first`` to ``last`` below ``root``, objectives in turn, as one invocation."""
    suite, template = load_suite(SUITE), Template.trained()
    seeds = [*range(first // len(OBJECTIVES), -(-last // len(OBJECTIVES)))]
    invocation = {
        "id": f"{first}-{last}",
        "name": f"runs {first} to {last}",
        "command": f"harness run --algos {','.join(OBJECTIVES)} --seeds {','.join(map(str, seeds))}",
        "plan": {"algos": list(OBJECTIVES), "regimes": [suite.regime], "seeds": seeds},
    }
    for number in range(first, last):
        seed, rank = divmod(number, len(OBJECTIVES))
        template.write(OutDir(root), run_config(suite, OBJECTIVES[rank], seed), invocation)
