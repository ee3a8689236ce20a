"""The side of this harness: complete GRPO runs with ``train``, and optimiser steps on given completions.

These settings were tried, under the conditions that ``theirs.py`` names (seconds per step, peak GiB):

- grpo-tiny: micro-batches of 8192 tokens 0.31, 0.8 (chosen); of 2048 tokens 0.35, 0.7; bfloat16 0.47.
- grpo-smollm2: vLLM in bfloat16 with one group per micro-batch 15, 6.3 (chosen); the same with 0.2 GiB for keys and
  values 16, 5.9, and with 0.1 GiB 17, 5.8; micro-batches of 4096 tokens 15, 7; the transformers engine 18, 5.7.
- dpo-smollm2, on 2026-11-27: micro-batches of 4096 tokens 8.7, 6.6 (chosen); of 2048 tokens 10.0, 5.9; of 1024 tokens
  10.9, 5.1; of 512 tokens 14.2, 4.7.
- grpo-qwen: one group is already a micro-batch, and is never split.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from benchmarks.against_trl.pairs import read_pairs, trained_tokens
from benchmarks.against_trl.works import SEED, Clock, Job
from harness.config.arms import run_config
from harness.config.run_config import RunConfig
from harness.config.suites import load_suite
from harness.launch.machine import settle
from harness.records.events import Evaluation, Event, Invocation, PlannedRuns, Start, Step
from harness.records.journal import Journal
from harness.rollout.groups import Group, sequences_of
from harness.training.loop import train
from harness.training.open_run import open_run
from harness.training.sampler import BudgetedSampler
from harness.training.scoring import score_start
from harness.training.state import RunState
from harness.training.update import Metrics, update

NOBODY = Invocation(id="", name="", command="", plan=PlannedRuns(algos=(), regimes=(), seeds=()))


def measure(job: Job) -> dict[str, Any]:
    """Seconds and tokens of each step, and the peak memory."""
    return grpo(job) if job.work.objective == "grpo" else dpo(job)


def grpo(job: Job) -> dict[str, Any]:
    """Measures the steps of a run. A step samples, grades, scores, trains and writes its record."""
    clock = Clock()
    with TemporaryDirectory() as folder:
        train(configure(job), Path(folder), NOBODY, should_stop=clock.step)
        start, *rest = Journal(Path(folder)).read()
        events = [event for event in rest if isinstance(event, Step | Evaluation)]
    sampled = [(event, event.ledger.sampled_tokens) for event in events]
    tokens = [now - before for (_, before), (event, now) in pairwise(sampled) if isinstance(event, Step)]
    return clock.result(tokens) | {"rate": _rates(start, events)}


def _rates(start: Event, events: Sequence[Step | Evaluation]) -> list[float]:
    """The share of the matrix rate that each step's passes of training and of the reference reach.

    A step costs as much as five forward passes: one to sample, one of the reference, and three to train.
    """
    assert isinstance(start, Start)
    spent = [(before.ledger, event.ledger) for before, event in pairwise(events) if isinstance(event, Step)]
    return [
        (now.flops - before.flops) * 4 / 5 / (now.seconds_training - before.seconds_training) / start.origin.matrix_rate
        for before, now in spent
    ]


def dpo(job: Job) -> dict[str, Any]:
    """Measures optimiser steps on the same pairs again and again. A step includes the pass of the reference."""
    with opened(job) as run:
        given, clock = as_sampled(run, read_pairs(job.pairs)), Clock()
        for _ in range(job.steps):
            step(run, given)
            clock.step()
    return clock.result([trained_tokens(given)] * job.steps)


def step(run: RunState, groups: Sequence[Group]) -> Metrics:
    """Does what the training loop does with a graded batch."""
    return update(run, score_start(run, BudgetedSampler(run).score(groups)))


@torch.no_grad()
def as_sampled(run: RunState, groups: Sequence[Group]) -> list[Group]:
    """The groups with the log-probabilities of the current policy, as if it had sampled them. Otherwise the run would
    refuse them, because engine and trainer would disagree."""
    found = []
    for group in groups:
        sequences = sequences_of([group])
        rows = zip(group.completions, run.policy.logp(sequences).tolist(), strict=True)
        own = [replace(each, logp=tuple(row[: len(each.ids)])) for each, row in rows]
        found.append(replace(group, completions=tuple(own)))
    return found


@contextmanager
def opened(job: Job) -> Iterator[RunState]:
    """Opens a run, before its first step."""
    with TemporaryDirectory() as folder, open_run(configure(job), Path(folder), NOBODY) as run:
        yield run


def configure(job: Job) -> RunConfig:
    """The work as a run of its suite, with almost no evaluation."""
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
