"""Dr. GRPO, DAPO and GSPO: what each changes in GRPO, and that it changes nothing else."""

from dataclasses import replace

import pytest
import torch

from algorithms.dapo import DAPO
from algorithms.dr_grpo import DrGRPO
from algorithms.grpo import GRPO
from algorithms.gspo import GSPO
from algorithms.reinforce import Reinforce
from tests.support.batches import random_batch, tokens
from tests.support.enumeration import assert_exact, gradient


@pytest.mark.parametrize("group_size", [2, 4])
def test_dr_grpo_on_fresh_samples_is_reinforce_over_the_length_limit(group_size: int) -> None:
    policy, batch = random_batch(sizes=(group_size,) * 3)
    batch = replace(batch, old_logp=policy.logp.detach())
    dr_grpo = gradient(DrGRPO().loss(policy, batch).loss, policy.logp)
    reinforce = gradient(Reinforce(beta=0.0).loss(policy, batch).loss, policy.logp)
    assert_exact(dr_grpo * batch.denominators.max_tokens, (1 - 1 / group_size) * reinforce)


def test_dr_grpo_passes_its_fields_on() -> None:
    policy, batch = random_batch()
    ours = DrGRPO(clip_low=0.1, clip_high=0.3, beta_kl=0.2).loss(policy, batch).loss
    grpo = GRPO(clip_low=0.1, clip_high=0.3, beta_kl=0.2, normalise_std=False, aggregate="constant")
    assert torch.equal(ours, grpo.loss(policy, batch).loss)


def test_worked_dapo() -> None:
    """Rewards 1, 0, 0, 0 and lengths 3, 1, 1, 1. All six tokens count alike. The standard deviation is 1/2."""
    log_ratios = [[0.24, 0.26, -0.3], [-0.21, 0.0, 0.0], [-0.23, 0.0, 0.0], [0.3, 0.0, 0.0]]
    policy, batch = tokens(log_ratios, rewards=[1.0, 0.0, 0.0, 0.0], lengths=[3, 1, 1, 1])
    output = DAPO().loss(policy, batch)
    ratio = torch.tensor(log_ratios, dtype=torch.float64).exp()
    assert 1.2 < ratio[0, 0] < 1.28 < ratio[0, 1] and ratio[2, 0] < 0.8 < ratio[1, 0]
    scale = 1 / (0.5 + 1e-4) / 6
    expected = torch.zeros_like(ratio)
    expected[0, [0, 2]] = -0.75 * scale * ratio[0, [0, 2]]
    expected[[1, 3], 0] = 0.25 * scale * ratio[[1, 3], 0]
    assert_exact(gradient(output.loss, policy.logp), expected)
    assert output.metrics["clip_fraction"].item() == pytest.approx(2 / 6)


def test_gspo_on_fresh_samples_is_grpo() -> None:
    policy, batch = random_batch()
    fresh = replace(batch, old_logp=policy.logp.detach())
    for beta_kl in (0.0, 0.1):
        gspo, grpo = (objective.loss(policy, fresh) for objective in (GSPO(beta_kl=beta_kl), GRPO(beta_kl=beta_kl)))
        assert_exact(gradient(gspo.loss, policy.logp), gradient(grpo.loss, policy.logp))
        assert_exact(gspo.loss, grpo.loss)


def test_gspo_on_single_tokens_is_grpo() -> None:
    policy, batch = random_batch(tokens=1)
    gspo = GSPO(clip_low=0.2, clip_high=0.3).loss(policy, batch)
    grpo = GRPO(clip_low=0.2, clip_high=0.3, beta_kl=0.0).loss(policy, batch)
    assert_exact(gradient(gspo.loss, policy.logp), gradient(grpo.loss, policy.logp))
    assert gspo.metrics["clip_fraction"] > 0
    for name, value in grpo.metrics.items():
        assert_exact(gspo.metrics[name], value)


def test_worked_gspo() -> None:
    """The means of the log-ratios are first 3.5e-4 and -2e-4, within the clip, then 5e-4 and -5e-4, beyond it."""
    log_ratios = [[0.5, -0.4993, 9.0], [-6e-4, 0.0, 0.0]]
    policy, batch = tokens(log_ratios, rewards=[1.0, 0.0], lengths=[2, 3])
    output = GSPO().loss(policy, batch)
    means = torch.tensor([[3.5e-4], [-2e-4]], dtype=torch.float64)
    advantage = 0.5 / (0.5**0.5 + 1e-4)
    signed = torch.tensor([[-advantage / 2], [advantage / 3]], dtype=torch.float64)
    expected = torch.where(batch.mask, signed * means.exp() / 2, 0.0)
    assert_exact(gradient(output.loss, policy.logp), expected)
    assert output.metrics["clip_fraction"] == 0
    assert_exact(output.metrics["ratio_mean"], means.exp().mean())

    policy, batch = tokens([[0.5, -0.499], [-1e-3, 0.0]], rewards=[1.0, 0.0], lengths=[2, 2])
    output = GSPO().loss(policy, batch)
    assert not gradient(output.loss, policy.logp).any()
    assert output.metrics["clip_fraction"] == 1
    assert output.loss.item() == pytest.approx(advantage * (-(1 + 4e-4) + (1 - 3e-4)) / 2, abs=1e-12)
