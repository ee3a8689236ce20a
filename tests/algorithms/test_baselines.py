"""AsymRE and MaxRL are policy gradients with another baseline than REINFORCE. The tests show what this changes."""

from dataclasses import replace

import pytest
import torch

from algorithms.asymre import AsymRE
from algorithms.maxrl import MaxRL
from algorithms.reinforce import Reinforce
from tests.support.batches import random_batch, tokens
from tests.support.enumeration import (
    SPELLINGS,
    assert_exact,
    expected_gradient,
    gradient,
    random_distribution,
    random_logits,
    random_problems,
)


def test_asymre_without_delta_is_reinforce_centred_on_the_groups_mean() -> None:
    """Leave-one-out advantages are G / (G - 1) times the centred ones. The groups have 4, 2 and 3 completions."""
    policy, batch = random_batch()
    asymre = gradient(AsymRE(delta=0.0).loss(policy, batch).loss, policy.logp)
    reinforce = gradient(Reinforce(beta=0.0).loss(policy, batch).loss, policy.logp)
    size = torch.tensor([4, 2, 3], dtype=torch.float64)[batch.group]
    assert_exact(asymre, (1 - 1 / size)[:, None] * reinforce)


@pytest.mark.parametrize("delta", [-0.1, -1.0, 0.3])
def test_asymres_delta_weighs_the_likelihood_of_all_that_was_sampled(delta: float) -> None:
    policy, batch = random_batch()
    with_delta, without = (gradient(AsymRE(delta=d).loss(policy, batch).loss, policy.logp) for d in (delta, 0.0))
    assert_exact(with_delta - without, batch.mask * torch.tensor(delta / len(batch.rewards), dtype=torch.float64))


@pytest.mark.parametrize("group_size", [2, 3])
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_asymre_on_fixed_data_ends_where_its_baseline_says(group_size: int, spelling: str) -> None:
    """It ends in proportion to ``mu`` times the expected advantage, if all of these are above 0."""
    problems, behaviour = random_problems(0), random_distribution(1)
    delta = -8.0
    value = (behaviour.exp() * problems.rewards).sum(-1, keepdim=True)
    advantage = (1 - 1 / group_size) * (problems.rewards - value) - delta
    assert (advantage > 0).all()
    end = (behaviour + advantage.log()).log_softmax(-1).requires_grad_()
    objective = AsymRE(delta=delta)
    assert expected_gradient(objective, end, problems, behaviour, group_size, spelling).abs().max() < 1e-14
    assert expected_gradient(objective, random_logits(2), problems, behaviour, group_size, spelling).abs().max() > 1e-3


@pytest.mark.parametrize("group_size", [2, 3, 4])
def test_maxrl_climbs_the_likelihood_to_the_order_of_its_group(group_size: int) -> None:
    """``grad sum_k (1 - (1 - p)^k) / k`` up to ``k = G - 1``. The limit of this is ``grad log p``."""
    problems = replace(random_problems(0), rewards=torch.tensor([[1.0, 0, 0, 0], [1, 0, 1, 0], [0, 1, 1, 1]]).double())
    logits = random_logits(1)
    behaviour = logits.detach().log_softmax(-1)
    found = expected_gradient(MaxRL(), logits, problems, behaviour, group_size)
    right = (logits.log_softmax(-1).exp() * problems.rewards).sum(-1)
    expansion = sum((1 - (1 - right) ** k) / k for k in range(1, group_size))
    assert isinstance(expansion, torch.Tensor)
    assert_exact(found, gradient(-expansion.mean(), logits))


def test_worked_maxrl() -> None:
    """One of four is correct. The advantages are 3 once and -1 three times, and the lengths differ."""
    policy, batch = tokens([[0.3, 9.0]] * 4, rewards=[1.0, 0.0, 0.0, 0.0], lengths=[1, 2, 1, 2])
    expected = torch.where(batch.mask, torch.tensor([[-3.0], [1.0], [1.0], [1.0]], dtype=torch.float64) / 4, 0.0)
    assert_exact(gradient(MaxRL().loss(policy, batch).loss, policy.logp), expected)


@pytest.mark.parametrize("rewards", [[0.0, 0.0], [1.0, 1.0], [-1.0, 0.0]])
def test_maxrl_learns_nothing_without_a_success_rate_that_differs(rewards: list[float]) -> None:
    policy, batch = tokens([[0.3], [0.1]], rewards=rewards, lengths=[1, 1])
    loss = MaxRL().loss(policy, batch).loss
    assert loss == 0
    assert not gradient(loss, policy.logp).any()
