"""Checks that both sides do the same work: with the same completions in float32, losses and gradients must agree."""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any

import numpy as np
from rich.box import MARKDOWN
from rich.console import Console
from rich.table import Table

from benchmarks.against_trl import ours, theirs
from benchmarks.against_trl.pairs import read_pairs
from benchmarks.against_trl.works import SEED, Job
from harness.rollout.engines.engine import sample_groups, sampling_of
from harness.rollout.groups import Group
from harness.training.state import RunState

STEPS, RATE, TOLERANCE = 3, 1e-5, 1e-3
OURS = {"model.dtype": "float32", "compute.engine": "transformers"}
THEIRS = {"bf16": False, "logging_strategy": "steps", "logging_steps": 1}
Step = tuple[float, float]
"""Loss and gradient norm."""


def check(job: Job) -> None:
    """Takes three steps with a usual learning rate on both sides, and prints the results.

    Raises:
        SystemExit: The gradient norms differ by more than the tolerance.
    """
    job = replace(job, steps=STEPS, rate=RATE)
    with ours.opened(replace(job, changes=OURS)) as run:
        batches = [read_pairs(job.pairs)] * STEPS if job.work.objective == "dpo" else sample(run, job)
        metrics = [ours.step(run, ours.as_sampled(run, groups)) for groups in batches]
    mine: list[Step] = [(of_step["train/loss"], of_step["train/grad_norm"]) for of_step in metrics]
    with tempfile.TemporaryDirectory() as folder:
        trained = trainer(replace(job, changes=THEIRS), folder, batches)
        trained.train()
    logged = [entry for entry in trained.state.log_history if "grad_norm" in entry]
    other: list[Step] = [(entry["loss"], entry["grad_norm"]) for entry in logged]
    show(job, mine, other)
    worst = max(abs(a - b) / abs(b) for (_, a), (_, b) in zip(mine, other, strict=True))
    if worst > TOLERANCE:
        raise SystemExit(f"{job.work.name}: gradient norms differ by {worst:.1e}")


def sample(run: RunState, job: Job) -> list[list[Group]]:
    """Completions of the initial weights for each step. Rewards are random, so that every model has a gradient."""
    coin, work = np.random.default_rng(SEED), job.work
    problems = job.problems()
    batches = []
    for index in range(STEPS):
        part = problems[index * work.prompts : (index + 1) * work.prompts]
        groups = sample_groups(
            run.engine, run.policy, part, work.group, sampling_of(run.config, run.asking), seed=index
        )
        tosses = coin.integers(2, size=(len(groups), work.group)).astype(float).tolist()
        batches.append([replace(group, rewards=tuple(toss)) for group, toss in zip(groups, tosses, strict=True)])
    return batches


def trainer(job: Job, folder: str, batches: Sequence[list[Group]]) -> Any:
    """TRL's trainer, which gets these completions."""
    if job.work.objective == "dpo":
        return theirs.dpo_trainer(job, folder, batches[0])
    rollout, reward = given(batches)
    return theirs.grpo_trainer(job, folder, reward, rollout_func=rollout)


def given(batches: Sequence[list[Group]]) -> tuple[Callable[..., dict[str, Any]], Callable[..., list[float]]]:
    """The functions that TRL calls to sample and to grade. They return the batches one after the other."""
    sampled, graded = iter(batches), iter(batches)

    def rollout(prompts: list[Any], _: Any) -> dict[str, Any]:
        rows = [(group.prompt_ids, completion.ids) for group in next(sampled) for completion in group.completions]
        assert len(rows) == len(prompts)
        return {
            "prompt_ids": [list(p) for p, _ in rows],
            "completion_ids": [list(c) for _, c in rows],
            "logprobs": None,
        }

    def reward(**_: Any) -> list[float]:
        return list(chain.from_iterable(group.rewards for group in next(graded)))

    return rollout, reward


def show(job: Job, mine: Sequence[Step], other: Sequence[Step]) -> None:
    """Prints both sides, one row per step."""
    table = Table("work", "step", "loss, harness", "TRL", "gradient norm, harness", "TRL", box=MARKDOWN)
    for number, (a, b) in enumerate(zip(mine, other, strict=True), 1):
        table.add_row(job.work.name, str(number), *(f"{x:.6f}" for x in (a[0], b[0], a[1], b[1])))
    Console(width=120).print(table)
