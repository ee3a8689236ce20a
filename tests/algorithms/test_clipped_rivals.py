"""CISPO, DPPO, the published RLOO and REINFORCE++: where each stops a gradient, and where it does not."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from algorithms.cispo import CISPO
from algorithms.dppo import DPPO
from algorithms.grpo import GRPO
from algorithms.moments import VARIANCE_FLOOR
from algorithms.ppo import PPO
from algorithms.reinforce_pp import ReinforcePP
from algorithms.rloo import RLOO
from algorithms.rloo_published import RLOOPublished
from algorithms.types import Batch, Objective, PolicyOutput
from tests.support.batches import gradients, random_batch, step_loss, tokens
from tests.support.enumeration import assert_exact, gradient


def fresh_batch() -> tuple[PolicyOutput, Batch]:
    """Groups of different lengths, sampled by the policy in training."""
    policy, batch = random_batch()
    return policy, replace(batch, old_logp=policy.logp.detach(), start_logp=policy.logp.detach())


# --- RLOO as published


def test_published_rloo_on_fresh_samples_is_rloo() -> None:
    policy, batch = fresh_batch()
    published, ours = RLOOPublished(beta=0.3).loss(policy, batch), RLOO(beta=0.3).loss(policy, batch)
    assert_exact(gradient(published.loss, policy.logp), gradient(ours.loss, policy.logp))
    assert published.metrics["ratio_mean"] == 1 and published.metrics["clip_fraction"] == 0


def test_worked_published_rloo() -> None:
    """The sampler's log-ratios to the reference are 0.2 and -0.6. The ratios to the sampler are e^0.1 and e^-0.3."""
    policy, batch = tokens([[0.1, 9.0], [-0.1, -0.2]], rewards=[1.0, 0.0], lengths=[1, 2])
    batch = replace(batch, ref_logp=torch.tensor([[-1.2, 9.0], [-0.7, -0.7]], dtype=torch.float64))
    output = RLOOPublished(beta=0.5).loss(policy, batch)
    advantage = (1 - 0.5 * 0.2) - (0 + 0.5 * 0.6)  # 0.6 for the first, -0.6 for the second
    ratio = torch.tensor([0.1, -0.3], dtype=torch.float64).exp()
    assert ratio[1] < 0.8  # clipped, because it is bad and already less likely
    expected = torch.tensor([[-advantage * ratio[0] / 2, 0.0], [0.0, 0.0]], dtype=torch.float64)
    assert_exact(gradient(output.loss, policy.logp), expected)
    assert output.loss.item() == pytest.approx((-advantage * ratio[0].item() + advantage * 0.8) / 2, abs=1e-12)
    assert output.metrics["clip_fraction"] == 1 / 2


def test_a_ratio_too_large_for_a_float_still_pushes() -> None:
    policy, batch = tokens([[50.0] * 8, [0.0] * 8], rewards=[0.0, 1.0], lengths=[8, 8])  # 400 nats
    moved = gradient(RLOOPublished().loss(policy, batch).loss, policy.logp)
    assert_exact(moved[0], torch.full((8,), 20.0, dtype=torch.float64).exp() / 2)


# --- CISPO and DPPO


@pytest.mark.parametrize("lengths", [[4, 4], [1, 3]])
def test_cispo_goes_on_beyond_its_cap_where_grpo_stops(lengths: list[int]) -> None:
    log_ratios = [[2.0, -1.0, 0.1, 3.0], [-3.0, 2.0, 0.1, -1.0]]
    policy, batch = tokens(log_ratios, rewards=[1.0, 0.0], lengths=lengths)
    output = CISPO(cap=5.0).loss(policy, batch)
    moved = gradient(output.loss, policy.logp)
    weight = torch.tensor(log_ratios, dtype=torch.float64).exp().clamp(max=5.0)
    advantage = torch.tensor([[0.5], [-0.5]], dtype=torch.float64) / (0.5**0.5 + 1e-4)
    expected = torch.where(batch.mask, -weight * advantage / sum(lengths), 0.0)
    assert_exact(moved, expected)
    assert output.metrics["clip_fraction"].item() == pytest.approx((batch.mask & (weight == 5.0)).sum() / sum(lengths))
    assert_exact(output.metrics["ratio_mean"], (weight * batch.mask).sum() / sum(lengths))
    grpo = GRPO(beta_kl=0.0, aggregate="token_mean").loss(policy, batch).loss
    stopped = (gradient(grpo, policy.logp) == 0) & batch.mask
    assert stopped.any() and (moved[stopped] != 0).all()


def test_cispo_and_dppo_on_fresh_samples_are_grpo() -> None:
    policy, batch = fresh_batch()
    for ours, normalise_std in ((CISPO(), True), (DPPO(), False)):
        grpo = GRPO(beta_kl=0.0, aggregate="token_mean", normalise_std=normalise_std)
        assert_exact(
            gradient(ours.loss(policy, batch).loss, policy.logp), gradient(grpo.loss(policy, batch).loss, policy.logp)
        )


def test_dppo_stops_each_advantage_on_its_own_side() -> None:
    """A token of probability e^-1 may go to 0.568 and 0.168: a good one no further up, a bad one no further down."""
    log_ratios = [[0.5, 0.4, -0.7, -1.0]] * 2  # probabilities 0.607, 0.549, 0.183, 0.135
    policy, batch = tokens(log_ratios, rewards=[1.0, 0.0], lengths=[4, 4])
    output = DPPO(delta=0.2).loss(policy, batch)
    ratio = torch.tensor(log_ratios, dtype=torch.float64).exp()
    kept = torch.tensor([[False, True, True, True], [True, True, True, False]])
    expected = torch.where(kept, torch.tensor([[-0.5], [0.5]], dtype=torch.float64) * ratio / 8, 0.0)
    assert_exact(gradient(output.loss, policy.logp), expected)
    assert output.metrics["clip_fraction"] == 2 / 8


def test_dppo_lets_a_rare_token_grow_up_to_its_cap() -> None:
    policy, batch = tokens([[4.0], [4.0]], rewards=[1.0, 0.0], lengths=[1, 1])
    batch = replace(batch, old_logp=torch.full((2, 1), -9.0, dtype=torch.float64))
    policy = PolicyOutput(logp=torch.full((2, 1), -5.0, dtype=torch.float64).requires_grad_())  # 55 times as likely
    moved = gradient(DPPO(cap=20.0).loss(policy, batch).loss, policy.logp)
    assert_exact(moved.flatten(), torch.tensor([-0.5, 0.5], dtype=torch.float64) * 20 / 2)


# --- REINFORCE++


@pytest.mark.parametrize("beta", [0.0, 0.3])
@pytest.mark.parametrize("whiten", [True, False])
def test_reinforce_pp_is_ppo_without_a_critic(beta: float, whiten: bool) -> None:
    """The critic of this PPO expects nothing, and its advantages look ahead to the end."""
    policy, batch = random_batch()
    blind = replace(batch, old_values=torch.zeros_like(batch.rewards)[:, None].expand(batch.mask.shape))
    ppo = PPO(beta=beta, whiten=whiten, gae_lambda=1.0, value_coefficient=0.0)
    ours, theirs = step_loss(ReinforcePP(beta=beta, whiten=whiten), policy, blind), step_loss(ppo, policy, blind)
    assert_exact(ours.loss, theirs.loss)
    assert_exact(gradients(ours.loss, policy), gradients(theirs.loss, policy))
    for name, value in ours.metrics.items():
        assert_exact(value, theirs.metrics[name])


def advantages_of(objective: Objective, rewards: list[float], lengths: list[int]) -> Tensor:
    """[B, T] Read from the gradient at ratio 1. At each token, the reference is 0.1 nats below the sampler."""
    policy, batch = tokens([[0.0] * max(lengths)] * len(rewards), rewards, lengths)
    assert batch.ref_logp is not None
    batch = replace(batch, ref_logp=batch.ref_logp - 0.1)
    return -gradient(step_loss(objective, policy, batch).loss, policy.logp) * sum(lengths)


def test_worked_reinforce_pp() -> None:
    """Rewards 1 and 0, with three tokens and one. The returns are 0.85, 0.9, 0.95 and -0.05, and are then whitened."""
    found = advantages_of(ReinforcePP(beta=0.5), [1.0, 0.0], [3, 1])
    returns = torch.tensor([0.85, 0.9, 0.95, -0.05], dtype=torch.float64)
    white = (returns - returns.mean()) / (returns.var(correction=0) + VARIANCE_FLOOR).sqrt()
    assert_exact(found, torch.stack([white[:3], torch.cat([white[3:], torch.zeros(2, dtype=torch.float64)])]))


def test_reinforce_pp_subtracts_the_groups_mean_first() -> None:
    found = advantages_of(ReinforcePP(beta=0.0, baseline=True, whiten=False), [1.0, 0.0, 0.0], [1, 2, 1])
    assert_exact(found, torch.tensor([[2 / 3, 0.0], [-1 / 3, -1 / 3], [-1 / 3, 0.0]], dtype=torch.float64))


@pytest.mark.parametrize("reward", [0.1, 0.7, 1.0])
@pytest.mark.parametrize("lengths", [[1, 1, 1], [3, 2, 1]])
def test_whitening_makes_nothing_of_returns_that_are_all_the_same(reward: float, lengths: list[int]) -> None:
    """For some of these, the mean over the step differs from each return by a rounding error."""
    assert not advantages_of(ReinforcePP(beta=0.0), [reward] * 3, lengths).any()


def test_reinforce_pp_clips_on_both_sides() -> None:
    policy, batch = tokens([[0.3, -0.3], [0.3, -0.3]], rewards=[1.0, 0.0], lengths=[2, 2])
    moved = gradient(step_loss(ReinforcePP(beta=0.0), policy, batch).loss, policy.logp)
    assert (moved == 0).tolist() == [[True, False], [False, True]]
