"""GRPO: its advantages, its clip on one side only, and its three ways to average."""

from dataclasses import replace
from typing import get_args

import pytest
import torch

from algorithms.grpo import GRPO, Aggregate
from algorithms.reinforce import Reinforce
from tests.support.batches import random_batch, tokens
from tests.support.enumeration import assert_exact, gradient


@pytest.mark.parametrize("group_size", [2, 3, 4])
def test_at_ratio_one_it_is_reinforce_centred_on_the_group_mean(group_size: int) -> None:
    """Leave-one-out advantages are G / (G - 1) times the centred ones."""
    policy, batch = random_batch(sizes=(group_size,) * 3)
    batch = replace(batch, old_logp=policy.logp.detach())
    grpo = GRPO(normalise_std=False, beta_kl=0.0, aggregate="constant").loss(policy, batch)
    reinforce = Reinforce(beta=0.0).loss(policy, batch).loss * (1 - 1 / group_size)
    actual = gradient(grpo.loss, policy.logp) * batch.denominators.max_tokens
    assert_exact(actual, gradient(reinforce, policy.logp))
    torch.testing.assert_close(grpo.metrics["ratio_mean"], torch.ones((), dtype=torch.float64))
    assert grpo.metrics["clip_fraction"] == 0


def test_the_clip_stops_each_advantage_on_its_own_side() -> None:
    """The advantage is positive in the first row and negative in the second.

    Ratios are far below, inside and far above the clip.
    """
    log_ratios = [[-1.0, 0.1, 1.0, 1.0], [-1.0, 0.1, 1.0, 0.0]]
    policy, batch = tokens(log_ratios, rewards=[1.0, 0.0], lengths=[4, 4])
    output = GRPO(beta_kl=0.0).loss(policy, batch)
    moved = gradient(output.loss, policy.logp)
    assert (moved == 0).tolist() == [[False, False, True, True], [True, False, False, False]]
    assert (moved[0, :2] < 0).all() and (moved[1, 1:] > 0).all()
    assert output.metrics["clip_fraction"] == 3 / 8
    expected = torch.tensor(log_ratios, dtype=torch.float64).exp().mean()
    assert_exact(output.metrics["ratio_mean"], expected)


def test_each_clip_bound_is_its_own() -> None:
    columns = [-0.3, 0.3]  # ratios 0.74 and 1.35
    policy, batch = tokens([columns, columns], rewards=[1.0, 0.0], lengths=[2, 2])
    wide_above = GRPO(beta_kl=0.0, clip_high=0.4).loss(policy, batch).loss
    assert (gradient(wide_above, policy.logp) == 0).tolist() == [[False, False], [True, False]]
    wide_below = GRPO(beta_kl=0.0, clip_low=0.4).loss(policy, batch).loss
    assert (gradient(wide_below, policy.logp) == 0).tolist() == [[False, True], [False, False]]


@pytest.mark.parametrize(
    ("aggregate", "expected"),
    [
        # The advantages are +-1/2 and the ratios e^0.1 and 1. Token losses are -e^0.1 / 2 once and +1/2 three times.
        ("sequence_mean", (-1.1051709180756477 / 2 + 1 / 2) / 2),
        ("token_mean", (-1.1051709180756477 / 2 + 3 / 2) / 4),
        ("constant", (-1.1051709180756477 / 2 + 3 / 2) / 16),
    ],
)
def test_worked_numbers_of_each_aggregate(aggregate: Aggregate, expected: float) -> None:
    policy, batch = tokens([[0.1, 9.0, 9.0], [0.0, 0.0, 0.0]], rewards=[1.0, 0.0], lengths=[1, 3])
    output = GRPO(beta_kl=0.0, normalise_std=False, aggregate=aggregate).loss(policy, batch)
    assert output.loss.item() == pytest.approx(expected, abs=1e-12)


def test_advantages_are_divided_by_the_sample_standard_deviation() -> None:
    """Rewards 1, 0, 0, 0 have the deviations 3/4 and -1/4, and the sample standard deviation 1/2."""
    policy, batch = tokens([[0.0]] * 4, rewards=[1.0, 0.0, 0.0, 0.0], lengths=[1] * 4)
    moved = gradient(GRPO(beta_kl=0.0).loss(policy, batch).loss, policy.logp)
    expected = -torch.tensor([[0.75], [-0.25], [-0.25], [-0.25]], dtype=torch.float64) / (0.5 + 1e-4) / 4
    assert_exact(moved, expected)


@pytest.mark.parametrize("aggregate", get_args(Aggregate))
def test_a_tied_group_moves_by_the_kl_alone(aggregate: Aggregate) -> None:
    policy, batch = tokens([[0.1, -0.2]] * 2, rewards=[1.0, 1.0], lengths=[2, 1])
    without = GRPO(beta_kl=0.0, aggregate=aggregate).loss(policy, batch).loss
    assert not gradient(without, policy.logp).any()
    moved = gradient(GRPO(beta_kl=0.5, aggregate=aggregate).loss(policy, batch).loss, policy.logp)
    assert moved[0, 0] > 0 > moved[0, 1]  # back towards the reference
    share = {"sequence_mean": 1 / 4, "token_mean": 1 / 3, "constant": 1 / 16}[aggregate]
    slope = 1 - torch.exp(torch.tensor(-0.1, dtype=torch.float64))  # the slope of exp(-d) + d - 1 at d = 0.1
    assert_exact(moved[0, 0], 0.5 * share * slope)


def test_an_overflow_is_seen_not_hidden() -> None:
    policy, batch = tokens([[800.0], [0.0]], rewards=[0.0, 1.0], lengths=[1, 1])
    assert not GRPO(beta_kl=0.0).loss(policy, batch).loss.isfinite()
