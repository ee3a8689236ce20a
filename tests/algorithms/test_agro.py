"""The gradient of AGRO is that of the variance that it claims to minimise."""

from dataclasses import replace
from typing import get_args

import pytest
import torch
from torch import Tensor

from algorithms.agro import AGRO, Form
from algorithms.rloo import RLOO
from algorithms.types import PolicyOutput
from tests.support.batches import random_batch, take
from tests.support.enumeration import (
    SPELLINGS,
    K,
    Problems,
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
seeds = pytest.mark.parametrize("seed", range(3))


def half_variance(values: Tensor, probabilities: Tensor) -> Tensor:
    """The mean over prompts of ``1/2 Var``: [N, K], [N, K] -> []."""
    mean = (probabilities * values).sum(-1, keepdim=True)
    return 0.5 * (probabilities * (values - mean) ** 2).sum(-1).mean()


@group_sizes
@spellings
@seeds
def test_off_policy_gradient_is_that_of_the_variance_under_the_behaviour(
    seed: int, spelling: str, group_size: int
) -> None:
    problems, logits, behaviour = (
        random_problems(seed),
        random_logits(seed + 1),
        random_distribution(seed + 2),
    )
    regularised = problems.regularised(logits.log_softmax(-1), BETA)
    expected = gradient(half_variance(regularised, behaviour.exp()), logits) / BETA
    actual = expected_gradient(AGRO(beta=BETA), logits, problems, behaviour, group_size, spelling)
    assert_exact(actual, expected)


@group_sizes
@spellings
@seeds
def test_on_policy_gradient_differentiates_the_sampling_too(seed: int, spelling: str, group_size: int) -> None:
    problems, logits = random_problems(seed), random_logits(seed + 1)
    log_policy = logits.log_softmax(-1)
    regularised = problems.regularised(log_policy, BETA)
    expected = gradient(half_variance(regularised, log_policy.exp()), logits) / BETA
    agro = AGRO(beta=BETA, form="on_policy")
    actual = expected_gradient(agro, logits, problems, log_policy.detach(), group_size, spelling)
    assert_exact(actual, expected)


@pytest.mark.parametrize("beta", [0.05, 0.2, 0.6])
@pytest.mark.parametrize("correct", [1, 2, 3])
def test_at_the_reference_the_on_policy_form_unlearns_prompts_solved_less_often_than_half_minus_beta(
    correct: int, beta: float
) -> None:
    """The gradient is ``(1/2 - p - beta) / beta`` times that of p. A policy that always fails also has no variance."""
    rewards = (torch.arange(K) < correct).to(torch.float64)[None]
    problems = Problems(rewards=rewards, ref=torch.full((1, K), 1 / K, dtype=torch.float64).log())
    logits = problems.ref.clone().requires_grad_()
    solved = (logits.softmax(-1) * rewards).sum()
    expected = (0.5 - solved.detach() - beta) / beta * gradient(solved, logits)
    actual = expected_gradient(AGRO(beta=beta, form="on_policy"), logits, problems, problems.ref)
    assert_exact(actual, expected)
    assert ((actual * rewards).sum() > 0) == (correct / K < 0.5 - beta)  # descent takes probability from correct ones


@group_sizes
@pytest.mark.parametrize("form", get_args(Form))
def test_no_group_moves_the_optimum(form: Form, group_size: int) -> None:
    """It holds for each group alone, and so for every behaviour policy."""
    problems = random_problems(0)
    uniform = torch.zeros_like(problems.ref).log_softmax(-1)
    policy, batch = every_group(problems.optimum(BETA), problems, uniform, group_size, "prefix_code")
    logp = policy.logp.detach().requires_grad_()
    output = AGRO(beta=BETA, form=form).loss(PolicyOutput(logp=logp), batch)
    assert abs(output.loss) < 1e-14
    assert output.metrics["variance"] < 1e-28
    assert gradient(output.loss, logp).abs().max() < 1e-14


@group_sizes
def test_the_variance_metric_is_unbiased_under_any_behaviour(group_size: int) -> None:
    problems, log_policy, behaviour = (
        random_problems(0, 1),
        random_distribution(1, 1),
        random_distribution(2, 1),
    )
    policy, batch = every_group(log_policy, problems, behaviour, group_size, "one_token")
    regularised = problems.regularised(log_policy, BETA)
    total = torch.zeros((), dtype=torch.float64)
    for index in range(batch.denominators.groups):
        rows = batch.group == index
        one_policy, one = take(policy, batch, rows)
        probability = one.old_logp.sum().exp()  # type: ignore[union-attr]
        metric = AGRO(beta=BETA).loss(one_policy, one).metrics["variance"]  # divided by the number of groups
        total += probability * metric * batch.denominators.groups
    assert_exact(total, half_variance(regularised, behaviour.exp()))


def test_sample_by_sample_the_surrogate_has_the_gradient_of_the_sample_variance() -> None:
    policy, batch = random_batch(sizes=(4, 4, 4))
    assert batch.ref_logp is not None
    log_ratio = torch.where(batch.mask, policy.logp - batch.ref_logp, 0.0).sum(-1)
    regularised = (batch.rewards - BETA * log_ratio).view(3, 4)
    variance = 0.5 * regularised.var(dim=-1).mean()
    output = AGRO(beta=BETA).loss(policy, batch)
    assert_exact(output.metrics["variance"], variance.detach())
    expected = gradient(variance, policy.logp) / BETA
    assert_exact(gradient(output.loss, policy.logp), expected)


def test_off_policy_form_is_rloo_bit_for_bit() -> None:
    for seed in range(10):
        policy, batch = random_batch(sizes=(4, 2, 5), seed=seed)
        agro = AGRO(beta=BETA).loss(policy, batch).loss
        rloo = RLOO(beta=BETA).loss(policy, batch).loss
        assert torch.equal(agro, rloo)
        assert torch.equal(gradient(agro, policy.logp), gradient(rloo, policy.logp))


@group_sizes
def test_on_fresh_samples_the_off_policy_form_is_the_regularised_policy_gradient(group_size: int) -> None:
    problems, logits = random_problems(3), random_logits(4)
    behaviour = logits.detach().log_softmax(-1)
    off = expected_gradient(AGRO(beta=BETA), logits, problems, behaviour, group_size)
    expected = -gradient(problems.objective(logits.log_softmax(-1), BETA), logits)
    assert_exact(off, expected)


def test_a_pair_is_a_quarter_of_the_squared_difference_and_ipo() -> None:
    policy, batch = random_batch(sizes=(2,))
    assert batch.ref_logp is not None
    win, lose = torch.where(batch.mask, policy.logp - batch.ref_logp, 0.0).sum(-1)
    rewards = torch.tensor([0.75, 0.25], dtype=torch.float64)
    output = AGRO(beta=BETA).loss(policy, replace(batch, rewards=rewards))
    contrast = 0.25 * ((rewards[0] - BETA * win) - (rewards[1] - BETA * lose)) ** 2
    ipo = BETA**2 / 4 * (win - lose - 1 / (2 * BETA)) ** 2
    for loss in (contrast, ipo):
        assert_exact(output.metrics["variance"], loss.detach())
        expected = torch.autograd.grad(loss, policy.logp, retain_graph=True)[0] / BETA
        (actual,) = torch.autograd.grad(output.loss, policy.logp, retain_graph=True)
        assert_exact(actual, expected)
