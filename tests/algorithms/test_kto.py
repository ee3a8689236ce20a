"""KTO: worked values, and the point above which it pushes a completion less and less."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from algorithms.kto import KTO
from algorithms.types import Batch, PolicyOutput
from tests.support.batches import gradients, random_batch, step_loss, tokens
from tests.support.enumeration import assert_exact


def worked(*mismatched: float) -> tuple[PolicyOutput, Batch]:
    """Log-ratios of sequences to the reference are 2, -1 and 0.5. The first two completions are correct."""
    policy, batch = tokens([[1.5, 0.5], [-1.0, 9.0], [0.25, 0.25]], rewards=[1.0, 1.0, 0.0], lengths=[2, 1, 2])
    return policy, replace(batch, mismatched_log_ratio=torch.tensor(mismatched, dtype=torch.float64))


def sigmoid(x: float) -> Tensor:
    return torch.tensor(x, dtype=torch.float64).sigmoid()


def test_worked_loss() -> None:
    """The mean of the mismatched log-ratios is 0.4."""
    policy, batch = worked(1.0, -0.4, 0.6)
    output = step_loss(KTO(beta=0.5, desirable_weight=2.0, undesirable_weight=3.0), policy, batch)
    terms = [2 * (1 - sigmoid(0.5 * 1.6)), 2 * (1 - sigmoid(0.5 * -1.4)), 3 * (1 - sigmoid(0.5 * -0.1))]
    assert_exact(output.loss, torch.stack(terms).sum() / 3)
    assert output.metrics["mismatched_kl"].item() == pytest.approx(0.4)
    assert output.metrics["desirable"].item() == pytest.approx(2 / 3)


def test_worked_gradient() -> None:
    """Correct completions are pushed up and wrong ones down, by the slope of the sigmoid."""
    policy, batch = worked(1.0, -0.4, 0.6)
    gradient = gradients(step_loss(KTO(beta=0.5), policy, batch).loss, policy)[0]
    slopes = torch.stack([s * (1 - s) for s in (sigmoid(0.8), sigmoid(-0.7), sigmoid(-0.05))])
    expected = 0.5 * slopes * torch.tensor([-1.0, -1.0, 1.0]) / 3
    assert_exact(gradient, torch.where(batch.mask, expected[:, None], 0.0))


def test_the_point_is_never_below_zero() -> None:
    policy, batch = worked(-1.0, -2.0, 0.5)
    _, at_zero = worked(0.0, 0.0, 0.0)
    below, zero = (step_loss(KTO(), policy, each) for each in (batch, at_zero))
    assert torch.equal(below.loss, zero.loss)
    assert below.metrics["mismatched_kl"] == 0


def test_at_the_reference_it_is_a_policy_gradient_without_a_baseline() -> None:
    """The rewards are 1 and -1, scaled by a quarter of beta, because the slope of the sigmoid at 0 is 1/4."""
    policy, batch = random_batch()
    start = replace(batch, ref_logp=policy.logp.detach(), mismatched_log_ratio=torch.zeros_like(batch.rewards))
    gradient = gradients(step_loss(KTO(beta=0.2), policy, start).loss, policy)[0]
    signs = torch.where(batch.rewards > 0.5, -1.0, 1.0).double()
    assert_exact(gradient, torch.where(batch.mask, 0.05 * signs[:, None] / len(signs), 0.0))
