"""The parts of a run, and its progress."""

import shutil
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import torch

from algorithms.types import Objective
from evaluators.formats import Asking
from evaluators.grading.grader import Grader
from evaluators.statistics.accuracy import write_records
from evaluators.types import Problem, Split
from harness.config.run_config import RunConfig
from harness.models.critic import Critic
from harness.models.policy import Policy
from harness.records.events import End, Evaluation, Event, Outcome
from harness.records.journal import Journal
from harness.records.ledger import Ledger
from harness.records.out_dir import FINAL, completions_of
from harness.records.spans import Profile, spanning
from harness.rollout.engines.engine import RolloutEngine
from harness.rollout.fixed_set import FixedSet
from harness.rollout.regimes import Regime
from harness.seeds import ProblemOrder, Purpose, derive_seed
from harness.training.checkpoint import Progress, drop_checkpoint, save_checkpoint
from harness.training.evaluation import evaluate
from harness.training.passes import Passes
from harness.world import World


@dataclass(kw_only=True)
class RunParts:
    """The parts of a run, as given by its config. They do not depend on its progress."""

    config: RunConfig
    problems: dict[Split, list[Problem]]
    asking: Asking
    """How the model is asked the problems."""
    prompts: dict[str, str]
    """Hashes of the prompts, by split."""
    order: ProblemOrder[Problem]
    objective: Objective
    passes: Passes
    policy: Policy
    reference: Policy
    critic: Critic | None
    optimizer: torch.optim.Optimizer
    engine: RolloutEngine
    weights: str
    """The fingerprint of the policy's initial weights."""

    @property
    def modules(self) -> dict[str, torch.nn.Module]:
        """The trained modules, by name."""
        return modules(self.policy, self.critic)


@dataclass(kw_only=True)
class RunState(RunParts):
    """The parts of a run and its progress. Only the progress, the weights and the moments change."""

    directory: Path
    journal: Journal
    grader: Grader
    regime: Regime
    fixed: FixedSet | None
    progress: Progress
    profile: Profile | None
    matrix_rate: float
    """FLOP/s of matrix products of all ranks together, measured when the run was opened."""
    world: World
    """The processes that train the run together."""

    @property
    def leads(self) -> bool:
        """Whether this is rank 0. Only rank 0 accesses the directory."""
        return self.world.rank == 0

    @property
    def ledger(self) -> Ledger:
        return self.progress.ledger

    @property
    def iteration(self) -> int:
        """The number of completed steps."""
        return self.ledger.iterations

    def share(self) -> float:
        """The spent share of the budget."""
        budget = self.config.budget
        return self.ledger.spent(budget.unit) / budget.total

    def book(self, spent: Ledger) -> None:
        """Add costs to the ledger."""
        self.progress = replace(self.progress, ledger=self.ledger + spent)

    @contextmanager
    def timed(self, phase: Literal["sampling", "grading", "training", "sync", "evaluation"]) -> Iterator[None]:
        """Measure the seconds of this context with rank 0's clock, and add them to the ledger."""
        started = time.perf_counter()
        with self.span(phase):
            yield
        spent: dict[str, Any] = {f"seconds_{phase}": self.world.first(time.perf_counter() - started)}
        self.book(Ledger(**spent))

    def span(self, name: str) -> AbstractContextManager[None]:
        """A span of the profile, which measures time in more detail than the ledger. Does nothing without a profile."""
        return spanning(self.profile, name)

    def record(self, event: Event) -> None:
        """Write an event to the journal."""
        if self.leads:
            with self.span("journal"):
                self.journal.append(event)

    def evaluate(self, split: Split) -> None:
        """Evaluate a held-out split. Writes an event to the journal, and a table with all completions."""
        settings = self.config.evaluation
        samples = settings.validation_samples if split is Split.VALIDATION else settings.test_samples
        purpose = Purpose.VALIDATION if split is Split.VALIDATION else Purpose.TEST
        with self.timed("evaluation"):
            found = evaluate(
                self.config,
                self.asking,
                self.engine,
                self.policy,
                self.reference,
                self.grader,
                self.problems[split],
                samples=samples,
                seed=derive_seed(self.config.seed, purpose, 0),
                world=self.world,
            )
        if not self.leads:
            return
        table = self.directory / completions_of(split, self.iteration)
        table.parent.mkdir(exist_ok=True)
        for left in table.parent.glob(f".{table.name}.*"):  # left by a process that was killed while writing
            left.unlink()
        write_records(found.records, table)
        self.record(
            Evaluation(
                step=self.iteration,
                ledger=self.ledger,
                split=split,
                kl=found.kl,
                kl_k3=found.kl_k3,
                summary=found.summary,
                time=time.time(),
            )
        )

    def checkpoint(self) -> None:
        """Save the current state, so that a resume starts from it, unless the settings say otherwise."""
        if not self.config.compute.checkpoints:
            return
        with self.span("checkpoint"):
            written = self.world.first(self.journal.sync() if self.leads else 0)
            self.progress = replace(self.progress, journal_bytes=written)
            held = self.regime.held
            run_id, progress = self.config.run_id, self.progress
            save_checkpoint(self.directory, run_id, self.modules, self.optimizer, progress, held, self.world)

    def finish(self, status: Outcome, reason: str = "") -> None:
        """Write the end of the journal. A finished run keeps its model, and its checkpoint is deleted."""
        partial, final = self.directory / f"{FINAL}.partial", self.directory / FINAL
        if status == "finished":
            if self.leads:
                for old in (partial, final):
                    shutil.rmtree(old, ignore_errors=True)
            self.policy.save(partial, writes=self.leads)
        if not self.leads:
            return
        if status == "finished":
            partial.rename(final)
        self.record(End(step=self.iteration, ledger=self.ledger, status=status, reason=reason, time=time.time()))
        self.journal.sync()
        drop_checkpoint(self.directory)


def modules(policy: Policy, critic: Critic | None) -> dict[str, torch.nn.Module]:
    """The trained modules, by name."""
    found: dict[str, torch.nn.Module] = {"policy": policy.model}
    return found | {"critic": critic} if critic else found
