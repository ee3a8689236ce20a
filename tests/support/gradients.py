"""Gradients of every update of a few steps, by one process or by several, of many configs in one process."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor

import harness.training.update
from harness.config.arms import objective_of
from harness.config.run_config import RunConfig
from harness.models.critic import Critic
from harness.rollout.fixed_set import FixedSet
from harness.rollout.groups import Group
from harness.rollout.regimes import make_regime
from harness.training.checkpoint import Progress
from harness.training.open_run import open_run
from harness.training.passes import Passes
from harness.training.sampler import BudgetedSampler, charge
from harness.training.scoring import score_start
from harness.training.state import RunState
from harness.training.update import Metrics, update
from harness.world import ALONE, World
from tests.support.small import INVOCATION, small_config

EIGHTH = 8
Case = tuple[str, dict[str, Any], int]
"""An objective, what is set for its run, and how many steps."""


@dataclass(frozen=True, slots=True)
class Trained:
    """What a few steps came to."""

    completions: list[list[tuple[int, ...]]]
    """Of each step."""
    gradients: list[Tensor]
    """Of each update, all parameters flat, and of these every eighth."""
    states: list[dict[str, float]]
    """What the objective carried after each step."""


def gradients(world: World, cases: Sequence[Case], directory: Path) -> list[Trained]:
    """Of each case, from the same weights; parts that all share are loaded once."""
    first = [configured(case, world) for case in cases]
    own = directory / str(world.size)
    own.mkdir(exist_ok=True)
    with open_run(first[0], own, INVOCATION, world=world) as run:
        start = {name: tensor.clone() for name, tensor in run.policy.model.state_dict().items()}
        found = []
        for config, (_, _, turns) in zip(first, cases, strict=True):
            run.policy.model.load_state_dict(start)
            found.append(_train(_of(run, config), turns))
        return found


def configured(case: Case, world: World) -> RunConfig:
    objective, changes, _ = case
    return small_config(objective, compute__devices=world.size, **changes)


def _of(run: RunState, config: RunConfig) -> RunState:
    """The run's parts under another config, at its beginning; steps are plain gradient descent.

    Adam's first steps follow the sign of a gradient, and would make much of its last bits.
    """
    objective = objective_of(config.objective)
    passes = Passes.of(objective, config.regime_spec, config.optimizer)
    torch.manual_seed(0)
    critic = Critic(run.policy) if passes.critic else None
    other = replace(run, config=config, objective=objective, passes=passes, critic=critic, progress=Progress())
    groups = _fixed(other) if config.regime_spec.kind == "offline" else []
    parameters = [p for module in other.modules.values() for p in module.parameters()]
    optimizer = torch.optim.SGD([{"params": parameters, "peak": 1e-2}], lr=1e-2)
    regime = make_regime(
        config.regime_spec,
        prompts=config.rollout.prompts,
        group_size=config.rollout.group_size,
        updates=config.optimizer.updates_per_rollout,
        seed=config.seed,
        fixed=groups,
        held=[],
    )
    fixed = FixedSet(groups=groups, content="", seconds=0.0) if groups else None
    return replace(other, optimizer=optimizer, regime=regime, fixed=fixed)


def _fixed(run: RunState) -> list[Group]:
    count = run.config.rollout.offline_completions // run.config.rollout.group_size
    found = BudgetedSampler(replace(run, passes=Passes()))._graded(count, behind=0, turn=0)
    return found


def _train(run: RunState, turns: int) -> Trained:
    trained = Trained([], [], [])
    step = harness.training.update._step

    def noted(run: RunState, number: int) -> Metrics:
        parameters = [p for module in run.modules.values() for p in module.parameters()]
        flat = [(torch.zeros_like(p) if p.grad is None else p.grad).flatten() for p in parameters if p.requires_grad]
        trained.gradients.append(torch.cat(flat)[::EIGHTH].clone())
        return step(run, number)

    sampler = BudgetedSampler(run)
    with patch.object(harness.training.update, "_step", noted):
        for _ in range(turns):
            batch = run.regime.next(sampler)
            assert batch is not None
            cost = charge(run, batch)
            update(run, score_start(run, batch.groups))
            run.book(cost)
            trained.completions.append([c.ids for group in batch.groups for c in group.completions])
            trained.states.append(run.progress.state)
    return trained


def alone(cases: Sequence[Case], directory: Path) -> list[Trained]:
    return gradients(ALONE, cases, directory)
