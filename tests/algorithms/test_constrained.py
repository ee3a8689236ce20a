"""A constraint changes the rewards by a penalty that follows the measured cost."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import pytest
import torch

from algorithms.agro import AGRO
from algorithms.constrained import Constrained
from algorithms.dpo import DPO
from algorithms.grpo import GRPO
from algorithms.ops import k1, masked_sum
from algorithms.ppo import PPO
from algorithms.reinforce import Reinforce
from algorithms.step import scores_come_first
from algorithms.types import Batch, HasOverview, HasState, LossOutput, Objective, PolicyOutput
from tests.support.batches import gradients, random_batch, step_loss, take, with_totals
from tests.support.enumeration import assert_exact, every_group, gradient, random_problems

INNER: list[Objective] = [GRPO(), PPO(), PPO(whiten=False), DPO(), AGRO(), Reinforce(baseline="batch_mean")]
inners = pytest.mark.parametrize("inner", INNER, ids=str)


@dataclass(frozen=True, kw_only=True, slots=True)
class Counting:
    """An objective with its own totals and its own state."""

    requires: ClassVar[frozenset[str]] = frozenset()

    def totals(self, batch: Batch) -> Mapping[str, torch.Tensor]:
        return {"rewards": batch.rewards.sum()}

    def loss(self, policy: PolicyOutput, batch: Batch) -> LossOutput:
        scale = batch.totals["rewards"] + batch.state["steps"]
        return LossOutput(
            loss=scale * masked_sum(policy.logp, batch.mask).sum(), metrics={"seen": batch.totals["rewards"]}
        )

    def carry(self, state: Mapping[str, float], totals: Mapping[str, float]) -> Mapping[str, float]:
        return {"steps": state.get("steps", 0.0) + totals["rewards"]}


@inners
def test_before_anything_is_measured_it_is_the_inner_objective(inner: Objective) -> None:
    policy, batch = random_batch()
    batch = replace(batch, state={})
    outer = step_loss(Constrained(inner=inner, quantity="length", limit=1.0), policy, batch)
    bare = step_loss(inner, policy, batch)
    assert torch.equal(outer.loss, bare.loss)
    assert torch.equal(gradients(outer.loss, policy), gradients(bare.loss, policy))
    assert outer.metrics.keys() == bare.metrics.keys() | {"constraint_cost", "constraint_multiplier"}
    assert outer.metrics["constraint_multiplier"] == 0


@inners
def test_a_length_is_known_without_scores_and_a_kl_is_not(inner: Objective) -> None:
    """Scores before the first loss cost a pass over the batch."""
    assert scores_come_first(Constrained(inner=inner, quantity="length", limit=1.0)) is scores_come_first(inner)
    assert scores_come_first(Constrained(inner=inner, quantity="kl", limit=1.0))


@inners
def test_the_inner_objective_sees_penalised_rewards_everywhere(inner: Objective) -> None:
    """It sees them in its loss, its totals and the mean reward of the step. The penalty is 0.6, the limit 4 tokens."""
    policy, batch = random_batch()
    batch = replace(batch, state={"constraint_penalty": 0.6, "constraint_multiplier": 0.1})
    outer = step_loss(Constrained(inner=inner, quantity="length", limit=4.0), policy, batch)
    rewards = batch.rewards - 0.15 * batch.mask.sum(-1).double()
    count = replace(batch.denominators, reward_mean=float(rewards.mean()))
    bare = step_loss(inner, policy, replace(batch, rewards=rewards, denominators=count))
    assert_exact(outer.loss, bare.loss)
    assert_exact(gradients(outer.loss, policy), gradients(bare.loss, policy))
    for name, value in bare.metrics.items():
        assert_exact(outer.metrics[name], value)
    assert outer.metrics["constraint_multiplier"].item() == pytest.approx(0.6)
    assert outer.metrics["constraint_cost"].item() == pytest.approx(float(batch.mask.sum(-1).double().mean()))


def test_the_kl_is_that_of_the_policy_before_the_update() -> None:
    policy, batch = random_batch()
    assert batch.start_logp is not None and batch.ref_logp is not None
    kl = k1(batch.start_logp, batch.ref_logp, batch.mask)
    constrained = Constrained(inner=AGRO(), quantity="kl", limit=0.5)
    output = step_loss(constrained, policy, batch)
    assert_exact(output.metrics["constraint_cost"], kl.mean())
    bare = AGRO().loss(policy, replace(batch, rewards=batch.rewards - 0.3 / 0.5 * kl))
    assert_exact(output.loss, bare.loss)


def test_worked_course_of_the_multiplier() -> None:
    """Limit 10, rate 0.5, damping 2. The costs are 20, 15, 10, 8, 0."""
    constrained = Constrained(inner=GRPO(), quantity="length", limit=10.0, rate=0.5, damping=2.0)
    course: list[tuple[float, float]] = []
    state: dict[str, float] = {}
    for cost in (20.0, 15.0, 10.0, 8.0, 0.0, 0.0):
        state = dict(constrained.carry(state, {"constraint_cost": cost}))
        course.append((state["constraint_multiplier"], state["constraint_penalty"]))
    expected = [(0.5, 2.5), (0.75, 1.75), (0.75, 0.75), (0.65, 0.25), (0.15, 0.0), (0.0, 0.0)]
    assert [value for pair in course for value in pair] == pytest.approx([value for pair in expected for value in pair])


def test_totals_and_state_of_the_inner_objective_pass_through() -> None:
    """Rewards are penalised before the inner totals. The inner state keeps its name."""
    policy, batch = random_batch()
    constrained = Constrained(inner=Counting(), quantity="length", limit=2.0)
    assert isinstance(constrained, HasOverview) and isinstance(constrained, HasState)
    batch = replace(batch, state={"steps": 3.0, "constraint_penalty": 0.5})
    penalised = batch.rewards.sum() - 0.25 * batch.mask.sum().double()
    assert_exact(constrained.overview([batch])["rewards"], penalised)
    output = step_loss(constrained, policy, batch)
    assert_exact(output.metrics["seen"], penalised)
    assert_exact(output.loss, (penalised + 3.0) * masked_sum(policy.logp, batch.mask).sum())
    after = constrained.carry({"steps": 3.0}, {"rewards": 1.5, "constraint_cost": 4.0})
    assert after == pytest.approx({"steps": 4.5, "constraint_multiplier": 0.05, "constraint_penalty": 0.15})


def test_the_cost_is_the_mean_over_the_step() -> None:
    policy, batch = random_batch()
    constrained = Constrained(inner=GRPO(), quantity="length", limit=2.0)
    parts = [take(policy, batch, batch.group == index)[1] for index in range(3)]
    cost = with_totals(constrained, *parts)[0].totals["constraint_cost"]
    assert_exact(cost, batch.mask.sum(-1).double().mean())


def test_it_holds_the_limit_and_lets_go_of_one_that_does_not_bind() -> None:
    """Exact gradient ascent on the penalised reward until it converges. The completions have 1, 2, 3 and 3 tokens."""
    problems = random_problems(0, 1)
    lengths = torch.tensor([1.0, 2.0, 3.0, 3.0], dtype=torch.float64)
    free_length = (problems.optimum(0.5).exp() * lengths).sum().item()
    for limit, binds in ((free_length - 0.3, True), (free_length + 0.3, False)):
        constrained = Constrained(inner=AGRO(beta=0.5), quantity="length", limit=limit, rate=0.5, damping=1.0)
        logits = problems.ref.clone().requires_grad_()
        state: dict[str, float] = {}
        for _ in range(1200):
            log_policy = logits.log_softmax(-1)
            length = (log_policy.exp() * lengths).sum()
            policy, batch = every_group(log_policy, problems, log_policy.detach(), 2, "prefix_code")
            totals = {"constraint_cost": length.detach()}
            step = gradient(constrained.loss(policy, replace(batch, state=state, totals=totals)).loss, logits)
            logits = (logits - 4 * step).detach().requires_grad_()
            state = dict(constrained.carry(state, {name: float(total) for name, total in totals.items()}))
        assert length.item() == pytest.approx(limit if binds else free_length, abs=1e-4)
        assert (state["constraint_multiplier"] > 0.1) == binds
        penalised = replace(problems, rewards=problems.rewards - state["constraint_penalty"] / limit * lengths)
        torch.testing.assert_close(log_policy.detach().exp(), penalised.optimum(0.5).exp(), rtol=0.0, atol=1e-3)
