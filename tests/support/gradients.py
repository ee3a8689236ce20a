"""Gradients of updates by several ranks and by one process, for many cases in processes that are started once."""

import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor
from transformers import AutoModelForCausalLM, AutoTokenizer

import harness.training.update
from harness.models.loading import locate
from harness.models.parallel import like, whole
from harness.rollout.engines.engine import sample_groups, sampling_of
from harness.rollout.fixed_set import FixedSet
from harness.rollout.grading import grade_groups
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
from tests.support.batches import CASES as OBJECTIVES
from tests.support.small import INVOCATION, small_config

MODEL = "model"
SAMPLED = 9
"""The number of groups that the start policy has sampled. No case trains on more."""
GROUP = 4
REWARDS = ((1.0, 0.0, 0.0, 0.0), (1.0, 0.0, 1.0, 0.0), (0.0, 1.0, 1.0, 1.0))
"""The rewards of completions in a group. The groups take turns, and each group teaches something."""
SMALL: dict[str, Any] = {
    "rollout__group_size": GROUP,
    "rollout__max_tokens": 12,
    "rollout__reference_samples": 2,
    "compute__micro_batch_tokens": 1,  # a group per micro-batch, however groups are dealt to ranks
    "budget": {"unit": "completions", "total": 10_000},
}
WAYS: dict[str, dict[str, Any]] = {
    "replicate": {},
    "shard": {"compute__parallel": "shard"},
    "a layer at a time": {"compute__parallel": "shard", "compute__reshard": True},
}
"""How a run is spread over ranks."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """The updates in one turn of an objective. This is the first turn in on-policy runs, and the second in others."""

    objective: str
    regime: str = "on_policy"
    prompts: int = 3
    """An odd number, so the shares of two ranks are uneven, and one rank has nothing in the second minibatch."""
    updates: int = 1
    minibatches: int = 1
    correction: Mapping[str, Any] = field(default_factory=dict)
    """Settings for the correction of engines that compute differently."""
    ways: tuple[str, ...] = ("replicate", "shard")


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """The difference between several ranks and one process."""

    gradients: float
    """The largest norm of a difference over the updates, relative to the gradient."""
    states: float
    """The largest relative difference of the state of the objective."""
    learns: bool
    """Whether there were gradients other than 0."""


@dataclass(frozen=True, slots=True)
class Trained:
    """The result of a few steps."""

    gradients: list[Tensor]
    """The gradient of each update, whole and flat."""
    states: list[dict[str, float]]
    """The state of the objective afterwards."""


def make_model(folder: Path) -> None:
    """Writes the embedded model with one of its layers, in which passes take a third of the time."""
    source, _ = locate("embedded:tiny-arithmetic")
    model = AutoModelForCausalLM.from_pretrained(source)
    model.model.layers = model.model.layers[:1]
    model.config.num_hidden_layers = 1
    model.save_pretrained(folder / MODEL)
    AutoTokenizer.from_pretrained(source).save_pretrained(folder / MODEL)


def differences(world: World, cases: Mapping[str, Case], folder: Path) -> dict[str, Difference]:
    """The differences by way and case, with the model in ``folder``. Each rank also does its share of the cases alone.

    Raises:
        HarnessError: Ranks have different gradients.
    """
    torch.set_num_threads(1)
    found: dict[str, Difference] = {}
    with ExitStack() as stack:
        alone = stack.enter_context(_bench(folder / f"alone-{world.rank}", ALONE, {}))
        ways = {way for case in cases.values() for way in case.ways}
        benches = {way: stack.enter_context(_bench(folder / way, world, WAYS[way])) for way in WAYS if way in ways}
        for place, (name, case) in enumerate(cases.items()):
            mine = place % world.size == world.rank
            for way in case.ways:
                by_layer = way == "a layer at a time"
                together = benches[way].train(case, whole_passes=by_layer)
                world.agree([zlib.crc32(g.numpy().tobytes()) for g in together.gradients], "other gradients")
                if mine:
                    expected = alone.train(case, whole_passes=by_layer)
                    found[f"{way}: {name}"] = _difference(together, expected)
    return {name: one for part in world.gather([found]) for name, one in part.items()}


@dataclass(frozen=True, kw_only=True, slots=True)
class _Bench:
    """A run that is opened once. Each case is tried on it from the same weights and completions."""

    run: RunState
    groups: list[Group]
    start: list[Tensor]
    """The initial values of the trained parameters."""

    def train(self, case: Case, *, whole_passes: bool) -> Trained:
        run = self._of(case)
        run.policy.layout = run.reference.layout = "whole" if whole_passes else "shared"
        if run.critic:
            run.critic._layout = run.policy.layout
        trained, turns = Trained([], []), 1 if case.regime == "on_policy" else 2

        def noted(run: RunState, number: int) -> Metrics:
            gradients = [whole(torch.zeros_like(p) if p.grad is None else p.grad) for p in _trained(run)]
            trained.gradients.append(torch.cat([g.flatten() for g in gradients]))
            run.optimizer.zero_grad()
            _move(run, number)
            return {}

        sampler = _Canned(run, self.groups)
        accepted = patch.object(harness.training.update, "unexplained", return_value=None)  # weights have moved
        with patch.object(harness.training.update, "_step", noted), accepted:
            for turn in range(1, turns + 1):
                batch = run.regime.next(sampler)
                assert batch is not None
                cost = charge(run, batch)
                if turn == turns:
                    update(run, score_start(run, batch.groups))
                    trained.states.append(run.progress.state)
                else:
                    _move(run, turn)
                run.book(cost)
        return trained

    def _of(self, case: Case) -> RunState:
        """The run of a case, before its first update."""
        with torch.no_grad():
            for parameter, start in zip(_trained(self.run), self.start, strict=True):
                parameter.copy_(start)
        config = self.run.config.model_copy(
            update={
                "regime": case.regime,
                "optimizer": self.run.config.optimizer.model_copy(
                    update={"updates_per_rollout": case.updates, "minibatches": case.minibatches} | case.correction
                ),
                "rollout": self.run.config.rollout.model_copy(update={"prompts": case.prompts}),
            }
        )
        objective = OBJECTIVES[case.objective]
        passes = Passes.of(objective, config.regime_spec, config.optimizer)
        fixed = self.groups[: case.prompts] if config.regime_spec.kind == "offline" else []
        return replace(
            self.run,
            config=config,
            objective=objective,
            passes=passes,
            critic=self.run.critic if passes.critic else None,
            progress=Progress(),
            fixed=FixedSet(groups=fixed, content="", seconds=0.0) if fixed else None,
            regime=make_regime(
                config.regime_spec,
                prompts=case.prompts,
                group_size=GROUP,
                updates=config.optimizer.updates_per_rollout,
                seed=config.seed,
                fixed=fixed,
                held=[],
            ),
        )


class _Canned(BudgetedSampler):
    """Gives all the same groups, which the start policy has sampled."""

    def __init__(self, run: RunState, groups: Sequence[Group]) -> None:
        super().__init__(run)
        self._groups = groups

    def _graded(self, prompts: int, *, behind: int, turn: int) -> list[Group]:
        start = self._run.ledger.sampled_completions // GROUP + behind
        found = list(self._groups[start : start + prompts])
        assert len(found) == prompts
        return found


@contextmanager
def _bench(folder: Path, world: World, changes: Mapping[str, Any]) -> Iterator[_Bench]:
    config = small_config(
        "ppo", **SMALL, **changes, compute__devices=world.size, model__path=str(folder.parent / MODEL)
    )
    folder.mkdir(exist_ok=True)
    with open_run(config, folder, INVOCATION, world=world) as run:
        _move(run, 0)  # so that the policy differs from its reference
        run.engine.sync(run.policy)
        problems, sampling = run.order.take(0, SAMPLED), sampling_of(config, run.asking)
        groups = sample_groups(run.engine, run.policy, problems, GROUP, sampling, 0, world)
        groups = grade_groups(run.grader, groups, config.task.grading, run.asking.form.marker, world)
        groups = [replace(group, rewards=REWARDS[place % len(REWARDS)]) for place, group in enumerate(groups)]
        yield _Bench(run=run, groups=groups, start=[parameter.detach().clone() for parameter in _trained(run)])


@torch.no_grad()
def _move(run: RunState, seed: int) -> None:
    """Changes all weights as ``seed`` determines.

    After optimiser steps, they would differ in their last bits, and the next gradients would differ much more.
    """
    generator = torch.Generator().manual_seed(seed)
    for parameter in _trained(run):
        parameter.add_(like(0.01 * torch.randn(parameter.shape, generator=generator), parameter))


def _trained(run: RunState) -> list[torch.nn.Parameter]:
    return [p for module in run.modules.values() for p in module.parameters() if p.requires_grad]


def _difference(together: Trained, alone: Trained) -> Difference:
    assert len(together.gradients) == len(alone.gradients) > 0
    pairs = zip(together.gradients, alone.gradients, strict=True)
    states = zip(together.states, alone.states, strict=True)
    return Difference(
        gradients=max(float((ours - theirs).norm() / (theirs.norm() or 1.0)) for ours, theirs in pairs),
        states=max(
            (abs(one[name] - other[name]) / (abs(other[name]) or 1.0) for one, other in states for name in other),
            default=0.0,
        ),
        learns=all(bool(gradient.any()) for gradient in alone.gradients),
    )
