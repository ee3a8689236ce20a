"""A*-PO: worked values, and its fixed point if the value is exact."""

import math
from dataclasses import replace

import pytest
import torch

from algorithms.astar_po import AStarPO
from algorithms.ops import soft_value
from tests.support.batches import gradients, random_batch, step_loss, tokens
from tests.support.enumeration import K, assert_exact, every_group, random_distribution, random_problems


def test_worked_loss_and_gradient() -> None:
    """Two of the reference's four completions are correct. With beta1 = 0.5, V* is 1/2 log((1 + e^2) / 2)."""
    policy, batch = tokens([[1.5, 0.5], [-1.0, 9.0]], rewards=[1.0, 0.0], lengths=[2, 1])
    rewards = torch.tensor([[1.0, 0.0, 0.0, 1.0]] * 2, dtype=torch.float64)
    output = step_loss(AStarPO(beta2=0.1), policy, replace(batch, ref_rewards=rewards))
    value = 0.5 * math.log((1 + math.exp(2)) / 2)
    residuals = [0.1 * 2.0 - (1.0 - value), 0.1 * -1.0 - (0.0 - value)]
    assert output.loss.item() == pytest.approx(sum(r**2 for r in residuals) / 2)
    assert output.metrics["value"].item() == pytest.approx(value)
    expected = torch.tensor(residuals, dtype=torch.float64)[:, None] * 0.1
    assert_exact(gradients(output.loss, policy)[0], torch.where(batch.mask, expected, 0.0))


@pytest.mark.parametrize("reward", [0.0, 1.0, 0.3])
def test_the_value_of_rewards_that_are_the_same_is_exactly_theirs(reward: float) -> None:
    rewards = torch.full((2, 7), reward)
    assert torch.equal(soft_value(rewards, 0.37, rewards.isfinite()), torch.full((2,), reward))


def test_the_value_lies_between_the_mean_and_the_best() -> None:
    rewards = torch.rand(3, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    every = rewards.isfinite()
    assert_exact(soft_value(rewards, 1e-6, every), rewards.amax(-1) - 1e-6 * math.log(6))
    torch.testing.assert_close(soft_value(rewards, 1e6, every), rewards.mean(-1), rtol=0, atol=1e-6)


@pytest.mark.parametrize("spelling", ["one_token", "prefix_code"])
def test_at_the_optimum_every_completion_has_no_loss_whatever_the_data(spelling: str) -> None:
    """The reference is uniform, so one sample of each completion gives an exact value."""
    beta = 0.4
    problems = replace(random_problems(0), ref=torch.full((3, K), -math.log(K), dtype=torch.float64))
    optimum = problems.optimum(beta).requires_grad_()
    policy, batch = every_group(optimum, problems, random_distribution(5), 2, spelling)
    prompt = torch.arange(3).repeat_interleave(len(batch.rewards) // 3)
    batch = replace(batch, ref_rewards=problems.rewards[prompt])
    output = AStarPO(beta1=beta, beta2=beta).loss(policy, batch)
    assert output.loss.abs() < 1e-20
    assert torch.autograd.grad(output.loss, optimum)[0].abs().max() < 1e-10


def test_it_needs_no_group() -> None:
    policy, batch = random_batch(sizes=(1, 1))
    assert step_loss(AStarPO(), policy, batch).loss.isfinite()
