"""RLOO and REINFORCE estimate the gradient of the KL-regularised reward exactly, on policy."""

from dataclasses import replace
from typing import get_args

import pytest
import torch

from algorithms.ops import group_mean, k1, k2, k3, masked_sum, policy_gradient, regularised_reward
from algorithms.reinforce import Baseline, Reinforce
from algorithms.rloo import RLOO
from algorithms.types import Batch, LossOutput, Objective, PolicyOutput
from tests.support.batches import random_batch
from tests.support.enumeration import (
    SPELLINGS,
    assert_exact,
    every_group,
    expected_gradient,
    gradient,
    random_distribution,
    random_logits,
    random_problems,
)

BETA = 0.5
group_sizes = pytest.mark.parametrize("group_size", [2, 3])
spellings = pytest.mark.parametrize("spelling", SPELLINGS)


class GroupCentredRLOO:
    """RLOO whose baseline is the mean of the group, including the own reward."""

    requires = frozenset({"ref_logp"})

    def loss(self, policy: PolicyOutput, batch: Batch) -> LossOutput:
        assert batch.ref_logp is not None
        regularised = regularised_reward(batch.rewards, policy.logp, batch.ref_logp, batch.mask, BETA)
        advantages = regularised - group_mean(regularised, batch.group)
        sequence_logp = masked_sum(policy.logp, batch.mask)
        return LossOutput(loss=policy_gradient(advantages, sequence_logp, batch.denominators.sequences))


@group_sizes
@spellings
@pytest.mark.parametrize(
    "objective",
    [RLOO(beta=BETA), *(Reinforce(beta=BETA, baseline=baseline) for baseline in get_args(Baseline))],
    ids=["rloo", *get_args(Baseline)],
)
def test_on_policy_expectation_is_the_gradient_of_the_objective(
    objective: Objective, spelling: str, group_size: int
) -> None:
    problems, logits = random_problems(0), random_logits(1)
    log_policy = logits.log_softmax(-1)
    expected = -gradient(problems.objective(log_policy, BETA), logits)
    actual = expected_gradient(objective, logits, problems, log_policy.detach(), group_size, spelling)
    assert_exact(actual, expected)


@group_sizes
def test_centring_on_the_group_mean_shrinks_the_gradient(group_size: int) -> None:
    problems, logits = random_problems(2), random_logits(3)
    log_policy = logits.log_softmax(-1)
    expected = -(1 - 1 / group_size) * gradient(problems.objective(log_policy, BETA), logits)
    actual = expected_gradient(GroupCentredRLOO(), logits, problems, log_policy.detach(), group_size)
    assert_exact(actual, expected)


def test_off_policy_both_are_biased() -> None:
    problems, logits, behaviour = random_problems(4), random_logits(5), random_distribution(6)
    unbiased = -gradient(problems.objective(logits.log_softmax(-1), BETA), logits)
    for objective in (RLOO(beta=BETA), Reinforce(beta=BETA)):
        assert (expected_gradient(objective, logits, problems, behaviour) - unbiased).abs().max() > 1e-2


@pytest.mark.parametrize(("kl", "direction"), [("k1", "none"), ("k2", "reverse"), ("k3", "forward")])
def test_direction_of_each_kl_estimator_as_a_loss(kl: str, direction: str) -> None:
    """k1 has no direction, k2 is along KL(pi || ref), and k3 along KL(ref || pi)."""
    problems, logits = random_problems(7), random_logits(8)
    log_policy = logits.log_softmax(-1)
    policy, batch = every_group(log_policy, problems, log_policy.detach(), 1, "one_token")
    assert batch.ref_logp is not None
    estimate = {"k1": k1, "k2": k2, "k3": k3}[kl](policy.logp, batch.ref_logp, batch.mask)
    actual = torch.autograd.grad(estimate.sum() / batch.denominators.sequences, logits, retain_graph=True)[0]
    log_ratio = log_policy - problems.ref
    divergence = {
        "none": 0 * log_ratio,
        "reverse": log_policy.exp() * log_ratio,
        "forward": -problems.ref.exp() * log_ratio,
    }[direction]
    expected = gradient(divergence.sum(-1).mean(), logits)
    assert_exact(actual, expected)


@spellings
def test_k1_and_k3_estimate_the_sequence_kl_without_bias(spelling: str) -> None:
    problems, log_policy = random_problems(9), random_distribution(10)
    policy, batch = every_group(log_policy, problems, log_policy, 1, spelling)
    assert batch.ref_logp is not None
    probability = masked_sum(policy.logp, batch.mask).exp()
    expected = (log_policy.exp() * (log_policy - problems.ref)).sum()
    for estimate in (
        k1(policy.logp, batch.ref_logp, batch.mask),
        k3(policy.logp, batch.ref_logp, batch.mask),
    ):
        per_sequence = estimate.view(len(probability), -1).sum(-1)
        assert_exact((probability * per_sequence).sum(), expected)


@pytest.mark.parametrize(
    ("baseline", "advantages"),
    [
        ("leave_one_out", [1.0, -1.0, -1.0, 0.5, 0.5]),
        ("batch_mean", [0.4, -0.6, -0.6, 0.4, 0.4]),
        ("none", [1.0, 0.0, 0.0, 1.0, 1.0]),
    ],
)
def test_worked_advantages_of_each_baseline(baseline: Baseline, advantages: list[float]) -> None:
    policy, batch = random_batch(sizes=(2, 3), tokens=1)
    count = replace(batch.denominators, reward_mean=0.6)
    rewards = torch.tensor([1.0, 0.0, 0.0, 1.0, 1.0], dtype=torch.float64)
    batch = replace(batch, rewards=rewards, denominators=count)
    actual = gradient(Reinforce(beta=0.0, baseline=baseline).loss(policy, batch).loss, policy.logp)
    assert_exact(actual.squeeze(1), -torch.tensor(advantages, dtype=torch.float64) / 5)


def test_reinforce_uses_the_estimator_it_names() -> None:
    problems, logits = random_problems(11), random_logits(12)
    log_policy = logits.log_softmax(-1)
    reward = (log_policy.exp() * problems.rewards).sum(-1)
    forward_kl = (problems.ref.exp() * (problems.ref - log_policy)).sum(-1)
    expected = -gradient((reward - BETA * forward_kl).mean(), logits)
    actual = expected_gradient(Reinforce(beta=BETA, kl="k3"), logits, problems, log_policy.detach())
    assert_exact(actual, expected)
