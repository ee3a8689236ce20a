"""Everything a run works with, opened from its config: fresh, or where it was left."""

import math
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from pathlib import Path

import torch

from algorithms.types import Objective
from evaluators.accuracy import write_records
from evaluators.grading import Grader
from evaluators.tasks import load_problems
from evaluators.types import Problem, Split
from harness.budget import Ledger
from harness.checkpoint import NAME as CHECKPOINT
from harness.checkpoint import Progress, load_checkpoint, save_checkpoint
from harness.config import RunConfig
from harness.errors import HarnessError
from harness.evaluation import evaluate
from harness.journal import LOCK, Journal, Record
from harness.policy import Policy, load_policy
from harness.provenance import versions
from harness.rollout import make_engine
from harness.rollout.engine import RolloutEngine
from harness.seeds import ProblemOrder, Purpose, derive_seed
from harness.suites import build_objective

FINAL = "final"
"""The trained model, a transformers directory inside the run's."""


@dataclass(kw_only=True)
class Run:
    """A run's parts and its progress, the only thing that changes besides weights and moments."""

    config: RunConfig
    directory: Path
    journal: Journal
    objective: Objective
    policy: Policy
    reference: Policy
    optimizer: torch.optim.Optimizer
    engine: RolloutEngine
    grader: Grader
    problems: dict[Split, list[Problem]]
    order: ProblemOrder[Problem]
    progress: Progress

    @property
    def ledger(self) -> Ledger:
        return self.progress.ledger

    @property
    def step(self) -> int:
        return self.ledger.optimizer_steps

    def share(self) -> float:
        """Share of the budget spent."""
        budget = self.config.budget
        return self.ledger.spent(budget.unit) / budget.total

    def book(self, spent: Ledger) -> None:
        """Add to the ledger; a step that was done counts among ``optimizer_steps``."""
        self.progress = replace(self.progress, ledger=self.ledger + spent)

    def record(self, event: str, content: Record) -> None:
        """Write to the journal: the event, where the run stands, and the clock apart."""
        counts = {key: value for key, value in asdict(self.ledger).items() if not key.startswith("seconds")}
        seconds = {key: value for key, value in asdict(self.ledger).items() if key.startswith("seconds")}
        self.journal.append(
            {"event": event, "step": self.step, "spent": counts}
            | _finite(content)
            | {"clock": {"time": time.time(), "seconds": self.ledger.seconds} | seconds}
        )

    def evaluate(self, split: Split) -> None:
        """Evaluate a held-out split: a journal record, and a table of every completion."""
        started = time.perf_counter()
        settings = self.config.evaluation
        samples = settings.validation_samples if split is Split.VALIDATION else settings.test_samples
        purpose = Purpose.VALIDATION if split is Split.VALIDATION else Purpose.TEST
        evaluation = evaluate(
            self.config,
            self.engine,
            self.policy,
            self.reference,
            self.grader,
            self.problems[split],
            samples=samples,
            seed=derive_seed(self.config.seed, purpose, 0),
        )
        self.book(Ledger(seconds_evaluation=time.perf_counter() - started))
        tables = self.directory / "evaluations"
        tables.mkdir(exist_ok=True)
        write_records(evaluation.records, tables / f"{split}-{self.step:06d}.parquet")
        self.record("evaluation", {"split": str(split)} | evaluation.summary)

    def checkpoint(self) -> None:
        """Make the present state the one that a resume starts from."""
        self.progress = replace(self.progress, journal_bytes=self.journal.sync())
        save_checkpoint(self.directory, self.config.run_id, self.policy.model, self.optimizer, self.progress)

    def finish(self, status: str, reason: str = "") -> None:
        """Close the journal; a finished run keeps its model, and needs its checkpoint no longer."""
        if status == "finished":
            partial, final = self.directory / f"{FINAL}.partial", self.directory / FINAL
            for old in (partial, final):
                shutil.rmtree(old, ignore_errors=True)
            self.policy.save(partial)
            partial.rename(final)
        self.record("end", {"status": status, "reason": reason})
        self.journal.sync()
        (self.directory / CHECKPOINT).unlink(missing_ok=True)


@contextmanager
def open_run(config: RunConfig, directory: Path, invocation: Record, *, fresh: bool = False) -> Iterator[Run]:
    """Load all parts; take up the checkpoint if there is one, and cut the journal back to it.

    With ``fresh`` an earlier run in ``directory`` is forgotten, once all parts have been loaded.

    Raises:
        HarnessError: a part cannot be loaded, or model or problems are no longer those the run began with.
    """
    torch.set_num_threads(config.compute.threads)
    problems = load_splits(config)
    policy = load_policy(config.model, config.rollout.temperature)
    identity = {
        "weights": policy.fingerprint(),
        "problems": {str(split): _fingerprint(part) for split, part in problems.items()},
    }
    reference = policy.frozen_copy()
    settings = config.optimizer
    optimizer = torch.optim.AdamW(
        policy.model.parameters(),
        lr=settings.learning_rate,
        betas=settings.betas,
        weight_decay=settings.weight_decay,
    )
    journal = Journal(directory)
    if fresh:
        _clear(directory)
    progress = load_checkpoint(directory, config.run_id, policy.model, optimizer)
    if progress:
        _check_identity(journal, identity)
    journal.cut(progress.journal_bytes if progress else 0)
    with Grader() as grader:
        run = Run(
            config=config,
            directory=directory,
            journal=journal,
            objective=build_objective(config.objective.name, config.objective.fields),
            policy=policy,
            reference=reference,
            optimizer=optimizer,
            engine=make_engine(policy, config.compute),
            grader=grader,
            problems=problems,
            order=ProblemOrder(problems[Split.TRAIN], config.seed),
            progress=progress or Progress(),
        )
        if not progress:
            run.journal.append(_start_record(config, policy, identity, invocation))
        yield run


def load_splits(config: RunConfig) -> dict[Split, list[Problem]]:
    """The problems of all splits, the held-out ones cut to the sizes that the suite evaluates."""
    task = config.task
    sizes = {
        Split.TRAIN: None,
        Split.VALIDATION: config.evaluation.validation_problems,
        Split.TEST: config.evaluation.test_problems,
    }
    problems = {split: load_problems(task.name, split, data=task.data, **task.options) for split in sizes}
    for split, part in problems.items():
        if not part:
            raise HarnessError(f"the task {task.name} has no {split} problems; give it more data")
    return {split: part[: sizes[split]] for split, part in problems.items()}


def _start_record(config: RunConfig, policy: Policy, identity: Record, invocation: Record) -> Record:
    return {
        "event": "start",
        "run_id": config.run_id,
        "config": config.model_dump(mode="json"),
        "identity": identity,
        "size": asdict(policy.size),
        "clock": {"time": time.time()},
        "origin": {"invocation": invocation, "versions": versions()},
    }


def _check_identity(journal: Journal, identity: Record) -> None:
    records = journal.read()
    began = records[0].get("identity") if records else None
    if began != identity:
        raise HarnessError(
            f"{journal.path.parent} was begun from another model or other problems than are there now; "
            "start over with --fresh"
        )


def _fingerprint(problems: Sequence[Problem]) -> str:
    total = sha256()
    for problem in problems:
        total.update(f"{problem.id}\0{problem.prompt}\0{problem.answer}\0".encode())
    return total.hexdigest()[:16]


def _clear(directory: Path) -> None:
    """Forget an earlier run, all but the lock that is held."""
    for entry in directory.iterdir():
        if entry.is_dir():
            shutil.rmtree(entry)
        elif entry.name != LOCK:
            entry.unlink()


def _finite(content: Record) -> Record:
    """An overflowed number is written as null: JSON has no infinity, and MLflow stores one as 1.8e308."""
    return {
        key: _finite(value)
        if isinstance(value, dict)
        else None
        if isinstance(value, float) and not math.isfinite(value)
        else value
        for key, value in content.items()
    }
