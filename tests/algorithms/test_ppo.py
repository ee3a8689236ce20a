"""PPO and GEPPO: token rewards, advantages, whitening, both clips, and the metrics of the critic."""

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from algorithms.geppo import GEPPO
from algorithms.moments import moments, variance
from algorithms.ppo import PPO, token_rewards
from algorithms.reinforce import Reinforce
from algorithms.types import Batch, Denominators, PolicyOutput
from tests.support.batches import gradients, random_batch, step_loss, take, with_totals
from tests.support.enumeration import (
    K,
    Problems,
    assert_exact,
    every_group,
    gradient,
    random_distribution,
    random_logits,
    random_problems,
)

BETA = 0.5
PLAIN = PPO(beta=0.0, whiten=False)


def one_token_each(
    rewards: list[float], ratios: list[float], old_values: list[float], values: list[float]
) -> tuple[PolicyOutput, Batch]:
    """Completions of one token each, so an advantage is the reward minus the old value."""

    def column(numbers: list[float]) -> Tensor:
        return torch.tensor(numbers, dtype=torch.float64)[:, None]

    count = len(rewards)
    batch = Batch(
        mask=torch.ones(count, 1, dtype=torch.bool),
        rewards=column(rewards)[:, 0],
        group=torch.arange(count),
        truncated=torch.zeros(count, dtype=torch.bool),
        denominators=Denominators(sequences=count, tokens=count, groups=count, max_tokens=1, reward_mean=math.nan),
        old_logp=torch.full((count, 1), -1.0, dtype=torch.float64),
        start_logp=torch.full((count, 1), -1.0, dtype=torch.float64),
        old_values=column(old_values),
    )
    logp = column(ratios).log() - 1.0
    return PolicyOutput(logp=logp.requires_grad_(), values=column(values).requires_grad_()), batch


def test_the_reward_sits_on_the_last_sampled_token_and_the_kl_on_each() -> None:
    _, batch = random_batch(sizes=(3,), tokens=3)
    logp = torch.tensor([[-1.0, math.nan, math.inf], [-1.0, -2.0, math.nan], [-1.0, -1.0, -1.0]])
    known = replace(
        batch,
        mask=torch.tensor([[True, False, False], [True, True, False], [True, True, True]]),
        rewards=torch.tensor([1.0, 2.0, 0.0]),
        ref_logp=torch.tensor([[-1.5, math.nan, math.inf], [-0.5, -2.0, math.inf], [-1.0, -3.0, -0.5]]),
    )
    assert token_rewards(known, 1.0, logp).tolist() == [[0.5, 0.0, 0.0], [0.5, 2.0, 0.0], [0.0, -2.0, 0.5]]
    assert token_rewards(known, 0.0, logp).tolist() == [[1.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, 0.0]]


def state_values(log_policy: Tensor, problems: Problems) -> Tensor:
    """[N, T] The true value of each state of the prefix code: what is still to come after t ones, with the KL."""
    at_least, ref_at_least = (each.flip(-1).logcumsumexp(-1).flip(-1) for each in (log_policy, problems.ref))
    to_come = torch.zeros(len(log_policy), K - 1, dtype=torch.float64)
    for t in range(K - 1):
        for k in range(t, K):
            log_ratio = log_policy[:, k] - problems.ref[:, k] - (at_least[:, t] - ref_at_least[:, t])
            probability = (log_policy[:, k] - at_least[:, t]).exp()
            to_come[:, t] += probability * (problems.rewards[:, k] - BETA * log_ratio)
    return to_come


def expected_ppo_gradient(ppo: PPO, logits: Tensor, problems: Problems, values: Tensor) -> Tensor:
    """The expected gradient on policy, with equal weights of completions. The values [N, T] are those of the states."""
    log_policy = logits.log_softmax(-1)
    policy, batch = every_group(log_policy, problems, log_policy.detach(), 1, "prefix_code")
    of_row = values.repeat_interleave(K, 0)
    batch = replace(batch, old_values=of_row)
    output = step_loss(ppo, PolicyOutput(logp=policy.logp, values=of_row), batch)
    return gradient(output.loss, logits) * batch.denominators.tokens / batch.denominators.sequences


def test_without_trust_in_the_critic_any_critic_gives_the_gradient_of_the_regularised_reward() -> None:
    problems, logits = random_problems(0), random_logits(1)
    expected = -gradient(problems.objective(logits.log_softmax(-1), BETA), logits)
    any_values = torch.randn(3, K - 1, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    ppo = PPO(beta=BETA, gae_lambda=1.0, whiten=False)
    assert_exact(expected_ppo_gradient(ppo, logits, problems, any_values), expected)


@pytest.mark.parametrize("gae_lambda", [0.0, 0.5, 0.95, 1.0])
def test_with_the_true_critic_every_lambda_does(gae_lambda: float) -> None:
    problems, logits = random_problems(3), random_logits(4)
    log_policy = logits.log_softmax(-1)
    expected = -gradient(problems.objective(log_policy, BETA), logits)
    ppo = PPO(beta=BETA, gae_lambda=gae_lambda, whiten=False)
    actual = expected_ppo_gradient(ppo, logits, problems, state_values(log_policy.detach(), problems))
    assert_exact(actual, expected)


def test_without_critic_and_kl_it_is_reinforce_over_tokens() -> None:
    policy, batch = random_batch()
    assert batch.old_values is not None
    fresh = replace(batch, old_logp=policy.logp.detach(), old_values=torch.zeros_like(batch.old_values))
    ppo = PPO(beta=0.0, gae_lambda=1.0, whiten=False, value_coefficient=0.0)
    reinforce = Reinforce(beta=0.0, baseline="none").loss(policy, batch).loss
    count = batch.denominators
    actual, critic = gradients(step_loss(ppo, policy, fresh).loss, policy)
    assert_exact(actual * count.tokens / count.sequences, gradient(reinforce, policy.logp))
    assert not critic.any()


@pytest.mark.parametrize("ppo", [PPO(), GEPPO()], ids=["ppo", "geppo"])
def test_being_cut_pays_nothing(ppo: PPO) -> None:
    policy, batch = random_batch()
    cut, ended = (replace(batch, truncated=torch.full_like(batch.truncated, was)) for was in (True, False))
    ours, theirs = (step_loss(ppo, policy, each).loss for each in (cut, ended))
    assert torch.equal(gradients(ours, policy), gradients(theirs, policy))


def stale_geppo_gradient(geppo: GEPPO, logits: Tensor, problems: Problems, behaviour: Tensor) -> Tensor:
    """[N, K] The expected gradient of the first update on completions of another policy, whose mean is the baseline."""
    log_policy = logits.log_softmax(-1)
    policy, batch = every_group(log_policy, problems, behaviour, 1, "one_token")
    regularised = problems.regularised(log_policy.detach(), BETA)
    baseline = (log_policy.detach().exp() * regularised).sum(-1)  # of the policy, not of the behaviour policy
    values = baseline.repeat_interleave(K)[:, None]
    output = step_loss(geppo, PolicyOutput(logp=policy.logp, values=values), replace(batch, old_values=values))
    return gradient(output.loss, logits)


@pytest.mark.parametrize("seed", range(3))
def test_geppo_on_old_data_follows_the_regularised_reward_and_rests_at_its_optimum(seed: int) -> None:
    """The advantages are those of the policy before the update, so the ratio makes them exact on any data."""
    problems, logits, behaviour = random_problems(seed), random_logits(seed + 10), random_distribution(seed + 20)
    geppo = GEPPO(beta=BETA, gae_lambda=1.0, whiten=False, value_coefficient=0.0)
    expected = -gradient(problems.objective(logits.log_softmax(-1), BETA), logits)
    assert_exact(stale_geppo_gradient(geppo, logits, problems, behaviour), expected)
    best = problems.optimum(BETA).clone().requires_grad_()
    assert stale_geppo_gradient(geppo, best, problems, behaviour).abs().max() < 1e-12


def test_whitened_advantages_have_mean_0_and_variance_1_over_the_steps_tokens() -> None:
    policy, batch = random_batch()
    batch = replace(batch, old_logp=policy.logp.detach())
    count = batch.denominators
    plain, white = (
        -gradients(step_loss(PPO(whiten=whiten), policy, batch).loss, policy)[0][batch.mask] * count.tokens
        for whiten in (False, True)
    )
    assert_exact(white.mean(), torch.zeros((), dtype=torch.float64))
    torch.testing.assert_close(white.var(correction=0), torch.ones((), dtype=torch.float64), rtol=1e-6, atol=0.0)
    slope = (white[0] - white[1]) / (plain[0] - plain[1])
    assert slope > 0
    assert_exact(white - white[0], slope * (plain - plain[0]))


def test_the_critic_learns_from_advantages_as_they_are_before_whitening() -> None:
    policy, batch = random_batch()
    white, plain = (step_loss(PPO(whiten=whiten), policy, batch).metrics["value_loss"] for whiten in (True, False))
    assert_exact(white, plain)


@pytest.mark.parametrize("value", [0.0, 0.1, 1 / 3, 1e4])
def test_advantages_that_are_all_the_same_whiten_to_nothing(value: float) -> None:
    policy, batch = one_token_each([value] * 3, [1.0] * 3, [0.0] * 3, [0.0] * 3)
    output = step_loss(PPO(beta=0.0, value_coefficient=0.0), policy, batch)
    assert gradients(output.loss, policy).abs().max() < 1e-7
    assert output.metrics["explained_variance"].isnan()


def test_the_clip_stops_each_advantage_on_its_own_side() -> None:
    ratios = [0.75, 0.85, 1.15, 1.25]
    policy, batch = one_token_each([1.0] * 4 + [-1.0] * 4, ratios * 2, [0.0] * 8, [0.0] * 8)
    output = step_loss(PLAIN, policy, batch)
    moved = gradients(output.loss, policy)[0].flatten()
    assert (moved == 0).tolist() == [False, False, False, True, True, False, False, False]
    assert_exact(moved[:3], -torch.tensor(ratios[:3], dtype=torch.float64) / 8)
    assert_exact(moved[5:], torch.tensor(ratios[1:], dtype=torch.float64) / 8)
    assert output.metrics["clip_fraction"] == 2 / 8
    assert_exact(output.metrics["ratio_mean"], torch.ones((), dtype=torch.float64))


def test_worked_value_loss() -> None:
    """The return is 1 and the old value 0. 0.5 is clipped to 0.2, -0.5 is worse than its clip, and 0.1 is within it."""
    policy, batch = one_token_each([1.0] * 3, [1.0] * 3, [0.0] * 3, [0.5, -0.5, 0.1])
    output = step_loss(PLAIN, policy, batch)
    value_loss = (0.5 * 0.8**2 + 0.5 * 1.5**2 + 0.5 * 0.9**2) / 3
    assert output.metrics["value_loss"].item() == pytest.approx(value_loss, abs=1e-12)
    assert output.loss.item() == pytest.approx(-1.0 + 0.1 * value_loss, abs=1e-12)
    critic = gradients(output.loss, policy)[1].flatten()
    assert_exact(critic, 0.1 * torch.tensor([0.0, -1.5, -0.9], dtype=torch.float64) / 3)


def test_the_critic_aims_at_advantage_plus_old_value() -> None:
    """With lambda 1 and no truncation, this is the sum of the rewards to come, whatever the old value is."""
    policy, batch = random_batch()
    assert policy.values is not None
    batch = replace(batch, truncated=torch.zeros_like(batch.truncated))
    ppo = PPO(beta=0.0, gae_lambda=1.0, value_clip=1e9)
    critic = gradients(step_loss(ppo, policy, batch).loss, policy)[1]
    miss = policy.values.detach() - batch.rewards[:, None]
    assert_exact(critic, 0.1 * torch.where(batch.mask, miss, 0.0) / batch.denominators.tokens)


@pytest.mark.parametrize("old_values", [[0.5, 0.5, 0.5], [0.1, 0.2, 0.4]])
def test_nothing_to_explain_is_nan_however_the_critic_varies(old_values: list[float]) -> None:
    policy, batch = one_token_each([0.1] * 3, [1.0] * 3, old_values, [0.0] * 3)
    assert step_loss(PLAIN, policy, batch).metrics["explained_variance"].isnan()


@pytest.mark.parametrize(
    ("old_values", "explained"), [([1.0, 0.0], 1.0), ([0.5, 0.5], 0.0), ([9.0, 8.0], 1.0), ([0.0, 1.0], -3.0)]
)
def test_worked_explained_variance(old_values: list[float], explained: float) -> None:
    policy, batch = one_token_each([1.0, 0.0], [1.0, 1.0], old_values, [0.0, 0.0])
    metric = step_loss(PLAIN, policy, batch).metrics["explained_variance"]
    assert metric.item() == pytest.approx(explained, abs=1e-12)


def test_explained_variance_is_of_all_rewards_to_come_whatever_lambda_and_truncation_are() -> None:
    """Compared with torch.var over the sampled tokens. The future rewards are summed token by token."""
    policy, batch = random_batch()
    assert batch.old_logp is not None and batch.ref_logp is not None and batch.old_values is not None
    to_come, missed = [], []
    for row, length in enumerate(batch.mask.sum(-1).tolist()):
        for t in range(length):
            kl = (batch.old_logp - batch.ref_logp)[row, t:length].sum()
            to_come.append(batch.rewards[row] - BETA * kl)
            missed.append(to_come[-1] - batch.old_values[row, t])
    expected = 1 - torch.stack(missed).var() / torch.stack(to_come).var()
    for gae_lambda in (0.0, 1.0):
        ppo = PPO(beta=BETA, gae_lambda=gae_lambda)
        assert_exact(step_loss(ppo, policy, batch).metrics["explained_variance"], expected)


def test_variance_is_accurate_far_from_zero_in_float32() -> None:
    _, batch = random_batch()
    values = 1000.0 + torch.arange(batch.mask.numel(), dtype=torch.float32).view(batch.mask.shape) / 100
    expected = values[batch.mask].double().var(correction=0)
    torch.testing.assert_close(variance("x", moments("x", values, batch)), expected, rtol=1e-6, atol=0.0)


@pytest.mark.parametrize("value", [0.1, 1 / 3, 0.7, 12.34])
@pytest.mark.parametrize("tokens", [3, 7, 11])
def test_variance_of_a_constant_is_exactly_zero(value: float, tokens: int) -> None:
    _, batch = one_token_each([0.0] * tokens, [1.0] * tokens, [0.0] * tokens, [0.0] * tokens)
    values = torch.full((tokens, 1), value, dtype=torch.float64)
    assert variance("x", moments("x", values, batch)) == 0


def test_geppo_on_fresh_completions_is_ppo_bit_for_bit() -> None:
    for seed in range(5):
        policy, batch = random_batch(seed=seed)
        fresh = replace(batch, start_logp=batch.old_logp)
        ppo, geppo = step_loss(PPO(clip=0.15), policy, fresh), step_loss(GEPPO(clip=0.15), policy, fresh)
        assert torch.equal(ppo.loss, geppo.loss)
        assert torch.equal(gradients(ppo.loss, policy), gradients(geppo.loss, policy))
        assert ppo.metrics["clip_fraction"] > 0


def test_geppo_clips_around_the_policy_before_the_update() -> None:
    """``rho_k`` is 2 for all, so the bounds are 1.9 and 2.1."""
    ratios = [1.0, 1.85, 1.95, 2.05, 2.15]
    policy, batch = one_token_each([1.0] * 5 + [-1.0] * 5, ratios * 2, [0.0] * 10, [0.0] * 10)
    assert batch.old_logp is not None
    older = replace(batch, start_logp=batch.old_logp + math.log(2))
    output = step_loss(GEPPO(beta=0.0, whiten=False), policy, older)
    moved = gradients(output.loss, policy)[0].flatten()
    assert (moved == 0).tolist() == [False] * 4 + [True] * 3 + [False] * 3
    assert (moved[:4] < 0).all() and (moved[7:] > 0).all()
    assert output.metrics["clip_fraction"] == 3 / 10


def test_the_totals_are_of_the_step_not_of_the_micro_batch() -> None:
    policy, batch = random_batch()
    part_policy, part = take(policy, batch, batch.group == 0)
    (of_step,) = with_totals(PPO(), batch)
    right = PPO().loss(part_policy, replace(part, totals=of_step.totals)).loss
    wrong = step_loss(PPO(), part_policy, part).loss
    assert (right - wrong).abs() > 1e-3
