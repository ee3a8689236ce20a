"""OAPL, PMD and REBEL: squared residuals, their fixed points, and their relation to AGRO."""

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from algorithms.agro import AGRO
from algorithms.asymre import AsymRE
from algorithms.oapl import OAPL
from algorithms.ops import k1, same_group, soft_value
from algorithms.pmd import PMD
from algorithms.types import Batch
from tests.support.batches import random_batch, tokens
from tests.support.enumeration import assert_exact, every_group, gradient, random_distribution, random_problems

BETA = 0.5


def to(other: Tensor | None, logp: Tensor, batch: Batch) -> Tensor:
    assert other is not None
    return k1(logp, other, batch.mask)


def test_worked_oapl() -> None:
    """Rewards 1 and 0 with beta 0.5 give V = 1/2 log((e^2 + 1) / 2). Log-ratios are 0.2 of one token, 0.4 of two."""
    policy, batch = tokens([[0.2, 9.0], [0.1, 0.3]], rewards=[1.0, 0.0], lengths=[1, 2])
    loss = OAPL(beta=BETA).loss(policy, batch).loss
    value = 0.5 * ((torch.tensor(2.0, dtype=torch.float64).exp() + 1) / 2).log()
    first, second = 0.1 - (1 - value), 0.2 + value
    assert_exact(loss, (first**2 + second**2) / 2)
    assert_exact(gradient(loss, policy.logp), torch.stack([torch.stack([first, 0 * first]), second.expand(2)]) * BETA)


def test_the_soft_value_lies_between_mean_and_maximum() -> None:
    group = torch.tensor([4, 1, 4, 1, 4])
    rewards, same = torch.tensor([1.0, 0.5, 0.0, 0.5, 0.0]).expand(5, -1), same_group(group)
    near_best = 1 - 1e-3 * math.log(3)
    assert soft_value(rewards, 1e-3, same).tolist() == pytest.approx([near_best, 0.5, near_best, 0.5, near_best])
    assert soft_value(rewards, 1e3, same)[0].item() == pytest.approx(1 / 3, abs=1e-3)
    assert soft_value(torch.full((3, 3), 1 / 3), 0.05, same_group(torch.zeros(3))).tolist() == [torch.tensor(1 / 3)] * 3


def test_oapls_fixed_point_is_the_optimum_around_the_behaviour() -> None:
    """The group contains each completion as often as the behaviour policy writes it, so its V is exact."""
    rewards = torch.tensor([1.0, 0.2, -0.5, 0.0], dtype=torch.float64)
    times = torch.tensor([3, 1, 2, 2])
    behaviour = (times / times.sum()).log()
    optimum = (behaviour + rewards / BETA).log_softmax(-1)
    which = torch.arange(4).repeat_interleave(times)
    policy, batch = tokens([[0.0]] * 8, rewards[which].tolist(), [1] * 8)
    logits = optimum.clone().requires_grad_()
    policy = replace(policy, logp=logits.log_softmax(-1)[which][:, None])
    batch = replace(batch, old_logp=behaviour.double()[which][:, None])
    loss = OAPL(beta=BETA).loss(policy, batch).loss
    assert loss < 1e-14
    assert gradient(loss, logits).abs().max() < 1e-7


def test_oapls_value_of_small_groups_biases_it() -> None:
    """At the optimum around the behaviour policy, groups of two still push, and groups of four push less."""
    problems, behaviour = random_problems(0), random_distribution(1)
    optimum = (behaviour + problems.rewards / BETA).log_softmax(-1)
    pushes = []
    for size in (2, 4):
        logits = optimum.clone().requires_grad_()
        policy, batch = every_group(logits.log_softmax(-1), problems, behaviour, size, "one_token")
        pushes.append(gradient(OAPL(beta=BETA).loss(policy, batch).loss, logits).abs().max())
    assert 1e-3 < pushes[1] < 0.7 * pushes[0]


@pytest.mark.parametrize("tau", [0.1, 2.0])
@pytest.mark.parametrize("normalise_length", [True, False])
def test_pmds_gradient(tau: float, normalise_length: bool) -> None:
    policy, batch = random_batch()
    moved = gradient(PMD(tau=tau, normalise_length=normalise_length).loss(policy, batch).loss, policy.logp)
    means = torch.stack([batch.rewards[batch.group == prompt].mean() for prompt in range(3)])[batch.group]
    length = batch.mask.sum(-1) if normalise_length else 1.0
    log_ratio = to(batch.start_logp, policy.logp.detach(), batch) / length
    weight = -(batch.rewards - means - tau * log_ratio) / length / len(batch.rewards)
    assert_exact(moved, torch.where(batch.mask, weight[:, None], 0.0))


def test_pmd_in_the_first_update_is_reinforce() -> None:
    policy, batch = random_batch()
    batch = replace(batch, start_logp=policy.logp.detach())
    expected = gradient(AsymRE(delta=0.0).loss(policy, batch).loss, policy.logp)
    for tau in (0.1, 2.0):
        assert_exact(gradient(PMD(tau=tau).loss(policy, batch).loss, policy.logp), expected)


def test_pmd_is_agro_uncentred_around_the_iterate() -> None:
    """The difference is the same for all completions of a prompt. It is the mean log-ratio."""
    policy, batch = random_batch(sizes=(3, 3))
    around = replace(batch, ref_logp=batch.start_logp)
    pmd = gradient(PMD(tau=BETA).loss(policy, batch).loss, policy.logp)[:, 0]
    agro = gradient(AGRO(beta=BETA).loss(policy, around).loss, policy.logp)[:, 0] * (1 - 1 / 3)
    log_ratio = to(batch.start_logp, policy.logp.detach(), batch)
    level = torch.stack([log_ratio[batch.group == prompt].mean() for prompt in range(2)])[batch.group]
    assert_exact(pmd - agro, BETA * level / 6)


def test_rebel_over_all_pairs_is_agro() -> None:
    """``mean_ij ((d_i - d_j) - eta (r_i - r_j))^2 = 2 Var(d - eta r)``, around the policy before the update."""
    eta, size = 2.5, 4
    policy, batch = random_batch(sizes=(size,))
    residual = to(batch.start_logp, policy.logp, batch) - eta * batch.rewards
    rebel = ((residual[:, None] - residual[None, :]) ** 2).mean()
    assert_exact(rebel, 2 * residual.var(correction=0))
    agro = AGRO(beta=1 / eta).loss(policy, replace(batch, ref_logp=batch.start_logp))
    assert_exact(rebel.detach(), 4 * (1 - 1 / size) * eta**2 * agro.metrics["variance"])
    assert_exact(gradient(rebel, policy.logp), 4 * (1 - 1 / size) * eta * gradient(agro.loss, policy.logp))
