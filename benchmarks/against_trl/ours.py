"""This harness's side: whole GRPO runs by ``train``, and optimiser steps on given completions.

Tried as on TRL's side (seconds of a step; peak GiB): grpo-tiny with micro-batches of 2048 tokens 0.35; 0.7, of 8192
0.31; 0.8 (taken); bfloat16 0.47. grpo-smollm2, vLLM in bfloat16, micro-batches of a group each: 15; 6.3 (taken), with
0.2 GiB for keys and values 16; 5.9, with 0.1 GiB 17; 5.8; micro-batches of 4096 tokens 15; 7; the transformers engine
18; 5.7. dpo-smollm2 with micro-batches of 4096 tokens 15 to 18; 7.8 (taken), of 2048 22; 6.4.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.against_trl.pairs import read_pairs, trained_tokens
from benchmarks.against_trl.works import SEED, Clock, Job
from harness.config.arms import run_config
from harness.config.run_config import RunConfig
from harness.config.suites import load_suite
from harness.launch.machine import settle
from harness.records.events import Invocation, PlannedRuns, Start, Step
from harness.records.journal import Journal
from harness.rollout.groups import Group
from harness.training.loop import train
from harness.training.open_run import open_run
from harness.training.sampler import BudgetedSampler
from harness.training.scoring import score_start
from harness.training.state import RunState
from harness.training.update import Metrics, update

NOBODY = Invocation(id="", name="", command="", plan=PlannedRuns(algos=(), regimes=(), seeds=()))


def measure(job: Job) -> dict[str, Any]:
    """Seconds and tokens of each step, and the peak of memory."""
    return grpo(job) if job.work.objective == "grpo" else dpo(job)


def grpo(job: Job) -> dict[str, Any]:
    """Steps of a run: sampled, graded, scored, trained, recorded."""
    clock = Clock()
    with TemporaryDirectory() as folder:
        train(configure(job), Path(folder), NOBODY, should_stop=clock.step)
        events = [event for event in Journal(Path(folder)).read() if not isinstance(event, Start)]
    sampled = [(event, event.ledger.sampled_tokens) for event in events]
    tokens = [now - before for (_, before), (event, now) in pairwise(sampled) if isinstance(event, Step)]
    return clock.result(tokens)


def dpo(job: Job) -> dict[str, Any]:
    """Optimiser steps on the same pairs over and over, with their pass of the reference."""
    given, clock = read_pairs(job.pairs), Clock()
    with opened(job) as run:
        for _ in range(job.steps):
            step(run, given)
            clock.step()
    return clock.result([trained_tokens(given)] * job.steps)


def step(run: RunState, groups: Sequence[Group]) -> Metrics:
    """What the loop does with a batch once it is graded."""
    return update(run, score_start(run, BudgetedSampler(run).score(groups)))


@contextmanager
def opened(job: Job) -> Iterator[RunState]:
    """A run, before its first step."""
    with TemporaryDirectory() as folder, open_run(configure(job), Path(folder), NOBODY) as run:
        yield run


def configure(job: Job) -> RunConfig:
    """The work as a run of its suite; evaluation is cut to next to nothing."""
    work = job.work
    strength = {"grpo": "beta_kl", "dpo": "beta"}[work.objective]
    changes: dict[str, Any] = {
        "model.path": job.model,
        "task.data": job.data,
        "rollout.prompts": work.prompts,
        "rollout.group_size": work.group,
        "rollout.max_tokens": work.max_tokens,
        "rollout.stop": [],
        "budget.unit": "optimizer_steps",
        "budget.total": job.steps,
        "evaluation.shares": [0],
        "evaluation.test_problems": 1,
        "evaluation.validation_problems": 1,
        "optimizer.learning_rate": job.rate,
        "optimizer.warmup_steps": 0,
        f"objectives.{work.objective}.fields.{strength}": work.beta,
        "compute.threads": job.threads,
    }
    settled, _ = settle(load_suite(work.suite, [*(changes | {**work.ours, **job.changes}).items()]))
    return run_config(settled, work.objective, SEED)
