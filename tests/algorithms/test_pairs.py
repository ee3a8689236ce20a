"""DPO, IPO and RPO: which pairs they use, how they weight them, and worked losses."""

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from algorithms.agro import AGRO
from algorithms.dpo import DPO
from algorithms.ipo import IPO
from algorithms.pairs import Pairing, pair_weights
from algorithms.rpo import RPO
from algorithms.types import Batch, Denominators, Objective, PolicyOutput
from tests.support.batches import random_batch, tokens
from tests.support.enumeration import assert_exact, gradient

BETA = 0.5
LOSSES: list[Objective] = [DPO(), DPO(pairing="random"), IPO(), RPO(), RPO(pairing="best_vs_worst")]


def groups(log_ratios: list[list[float]], rewards: list[list[float]]) -> tuple[PolicyOutput, Batch]:
    """Prompts with the log-ratio to the reference of each completion, spread evenly over two tokens."""
    flat = torch.tensor([d for group in log_ratios for d in group], dtype=torch.float64)
    count = len(flat)
    ref_logp = torch.full((count, 2), -1.0, dtype=torch.float64)
    batch = Batch(
        mask=torch.ones(count, 2, dtype=torch.bool),
        rewards=torch.tensor([r for group in rewards for r in group], dtype=torch.float64),
        group=torch.tensor([index for index, group in enumerate(rewards) for _ in group]),
        truncated=torch.zeros(count, dtype=torch.bool),
        denominators=Denominators(
            sequences=count, tokens=2 * count, groups=len(rewards), max_tokens=2, reward_mean=math.nan
        ),
        ref_logp=ref_logp,
        draws=torch.rand(count, generator=torch.Generator().manual_seed(0), dtype=torch.float64),
    )
    return PolicyOutput(logp=(ref_logp + flat[:, None] / 2).requires_grad_()), batch


def softplus(x: float) -> float:
    return math.log1p(math.exp(x))


def test_at_the_reference_the_loss_is_log_2_for_each_prompt_with_a_pair() -> None:
    policy, batch = random_batch()
    same = replace(batch, ref_logp=policy.logp.detach())
    output = DPO().loss(policy, same)
    assert output.loss.item() == pytest.approx(math.log(2), abs=1e-12)
    assert output.metrics["margin"] == 0
    assert output.metrics["pairs"].item() == pytest.approx((6 + 1 + 3) / 3)


def test_worked_numbers() -> None:
    """Three prompts have two pairs, one pair and none. Each prompt has its mean, and the sum is divided by three."""
    policy, batch = groups([[1.0, -0.5, 0.3], [-2.0, 1.0], [5.0, -5.0]], [[1.0, 0.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    output = DPO(beta=BETA).loss(policy, batch)
    first = (softplus(-BETA * 1.5) + softplus(-BETA * 0.7)) / 2
    second = softplus(-BETA * 3.0)
    assert output.loss.item() == pytest.approx((first + second) / 3, abs=1e-12)
    assert output.metrics["pairs"].item() == pytest.approx(3 / 3)
    assert output.metrics["tied_groups"].item() == pytest.approx(1 / 3)
    assert output.metrics["margin"].item() == pytest.approx(BETA * (1.1 + 3.0) / 3)
    assert output.metrics["pair_accuracy"].item() == pytest.approx(2 / 3)
    moved = gradient(output.loss, policy.logp)

    def slope(margin: float) -> float:
        return -BETA / (1 + math.exp(margin)) / 3

    assert moved[1, 0].item() == pytest.approx(-slope(BETA * 1.5) / 2, abs=1e-12)
    assert moved[3, 1].item() == pytest.approx(-slope(BETA * 3.0), abs=1e-12)
    assert moved[4, 0].item() == pytest.approx(slope(BETA * 3.0), abs=1e-12)
    assert not moved[5:].any()


def test_accuracy_counts_the_pairs_that_are_the_right_way_round() -> None:
    policy, batch = groups([[1.0, 2.0, 0.5, -1.0]], [[1.0, 0.0, 0.0, 0.0]])
    output = DPO(beta=BETA).loss(policy, batch)
    assert output.metrics["pair_accuracy"].item() == pytest.approx(2 / 3)
    assert output.metrics["margin"].item() == pytest.approx(BETA * (-1.0 + 0.5 + 2.0) / 3)


def test_label_smoothing_ends_where_the_odds_are_those_of_the_labels() -> None:
    odds = math.log(0.9 / 0.1)
    policy, batch = groups([[odds / BETA, 0.0]], [[1.0, 0.0]])
    output = DPO(beta=BETA, label_smoothing=0.1).loss(policy, batch)
    assert gradient(output.loss, policy.logp).abs().max() < 1e-12
    assert output.loss.item() == pytest.approx(0.9 * softplus(-odds) + 0.1 * softplus(odds), abs=1e-12)


@pytest.mark.parametrize("objective", LOSSES, ids=str)
def test_a_step_of_ties_is_a_zero_that_can_be_differentiated(objective: Objective) -> None:
    policy, batch = groups([[1.0, -0.5, 0.3], [-2.0, 1.0]], [[0.0, 0.0, 0.0], [0.7, 0.7]])
    output = objective.loss(policy, batch)
    assert output.loss == 0
    moved = gradient(output.loss, policy.logp)
    assert not moved.any() and moved.isfinite().all()
    metrics = {name: metric.item() for name, metric in output.metrics.items()}
    assert metrics == pytest.approx({name: float(name == "tied_groups") for name in metrics})


@pytest.mark.parametrize(
    ("pairing", "expected"),
    [
        ("all", [[0, 1, 1, 1], [0, 0, 0, 1], [0, 0, 0, 1], [0, 0, 0, 0]]),
        ("best_vs_worst", [[0, 0, 0, 1], [0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]),
    ],
)
def test_pairs_of_several_levels_of_reward(pairing: Pairing, expected: list[list[int]]) -> None:
    _, batch = groups([[0.0] * 4], [[1.0, 0.5, 0.5, -2.0]])
    pairs = torch.tensor(expected, dtype=torch.float64)
    assert_exact(pair_weights(batch, pairing), pairs / pairs.sum())


def test_several_best_and_several_worst_share_the_weight() -> None:
    _, batch = groups([[0.0] * 5], [[1.0, 0.5, 1.0, 0.0, 0.0]])
    weights = pair_weights(batch, "best_vs_worst")
    assert weights.nonzero().tolist() == [[0, 3], [0, 4], [2, 3], [2, 4]]
    assert weights[weights > 0].tolist() == [0.25] * 4


def test_a_pair_is_of_one_prompt() -> None:
    _, batch = groups([[0.0] * 2, [0.0] * 2], [[1.0, 1.0], [0.0, 0.0]])
    for pairing in ("all", "best_vs_worst", "random"):
        assert not pair_weights(batch, pairing).any()


def random_pairs(rewards: list[float], trials: int = 50) -> Tensor:
    """[G, G] The share of draws of each pair, over many prompts with these rewards."""
    size = len(rewards)
    counts = torch.zeros(size, size)
    for seed in range(160):
        _, batch = groups([[0.0] * size] * trials, [rewards] * trials)
        draws = torch.rand(size * trials, generator=torch.Generator().manual_seed(seed))
        weights = pair_weights(replace(batch, draws=draws), "random")
        assert weights.sum() == trials and weights.count_nonzero() == trials
        blocks = weights.view(trials, size, trials, size)
        index = torch.arange(trials)
        counts += blocks[index, :, index, :].sum(0)
    return counts / (160 * trials)


@pytest.mark.parametrize("rewards", [[1.0, 0.0, 0.0, 1.0, 0.0], [3.0, 2.0, 1.0], [1.0, 0.5, 0.5, -2.0]], ids=str)
def test_a_random_pair_is_one_of_all_with_equal_probability(rewards: list[float]) -> None:
    """In 8000 draws, 4.5 standard deviations of a share of 1/6 are below 0.02."""
    values = torch.tensor(rewards)
    pairs = (values[:, None] > values[None, :]).float()
    torch.testing.assert_close(random_pairs(rewards), pairs / pairs.sum(), rtol=0.0, atol=0.02)


def test_draws_of_exactly_zero_still_choose_a_pair() -> None:
    _, batch = groups([[0.0] * 3, [0.0] * 2], [[1.0, 0.0, 0.0], [1.0, 1.0]])
    weights = pair_weights(replace(batch, draws=torch.zeros(5)), "random")
    assert weights.sum(1).tolist() == [1.0, 0.0, 0.0, 0.0, 0.0]


def test_ipo_is_least_at_its_distance_and_agro_on_rewards_half_apart() -> None:
    policy, batch = groups([[1 / (2 * BETA), 0.0]], [[1.0, 0.0]])
    at_target = IPO(beta=BETA).loss(policy, batch).loss
    assert at_target.abs() < 1e-24
    assert gradient(at_target, policy.logp).abs().max() < 1e-12

    policy, batch = groups([[0.7, -0.4], [0.1, 1.3]], [[0.75, 0.25], [0.5, 1.0]])
    ipo, agro = IPO(beta=BETA).loss(policy, batch), AGRO(beta=BETA).loss(policy, batch)
    assert_exact(BETA**2 / 4 * ipo.loss.detach(), agro.metrics["variance"])
    assert_exact(BETA / 4 * gradient(ipo.loss, policy.logp), gradient(agro.loss, policy.logp))
    assert_exact(ipo.metrics["margin"], torch.tensor(BETA * (1.1 + 1.2) / 2, dtype=torch.float64))


@pytest.mark.parametrize(("normalise_length", "apart"), [(False, 0.6 - 0.5), (True, 0.3 - 0.5)])
def test_ipo_sums_log_ratios_over_tokens_or_takes_their_mean(normalise_length: bool, apart: float) -> None:
    policy, batch = tokens([[0.4, 0.2], [0.5, 9.0]], rewards=[1.0, 0.0], lengths=[2, 1])
    loss = IPO(beta=BETA, normalise_length=normalise_length).loss(policy, batch).loss
    assert loss.item() == pytest.approx((apart - 1 / (2 * BETA)) ** 2, abs=1e-12)
    pull = 2 * (apart - 1 / (2 * BETA))
    each = pull / 2 if normalise_length else pull
    assert_exact(gradient(loss, policy.logp), torch.tensor([[each, each], [-pull, 0]], dtype=torch.float64))


def test_rpo_adds_the_nll_per_token_of_each_pairs_winner() -> None:
    """With rewards 2, 1, 0, the first wins two of three pairs, and the second wins one."""
    policy, batch = groups([[0.4, -0.6, 1.0], [1.0, 1.0]], [[2.0, 1.0, 0.0], [1.0, 1.0]])
    batch = replace(batch, mask=torch.tensor([[True, True], [True, False], [True, True], [True, True], [True, True]]))
    rpo, dpo = RPO(beta=BETA, eta=0.3).loss(policy, batch), DPO(beta=BETA).loss(policy, batch)
    nll = (2 / 3 * (2.0 - 0.4) / 2 + 1 / 3 * (1.0 + 0.3)) / 2  # token log-probabilities are -1 + d / 2; two prompts
    assert rpo.metrics["chosen_nll"].item() == pytest.approx(nll, abs=1e-12)
    assert (rpo.loss - dpo.loss).item() == pytest.approx(0.3 * nll, abs=1e-12)
    pull = gradient(rpo.loss, policy.logp) - gradient(dpo.loss, policy.logp)
    expected = -0.3 / 2 * torch.tensor([[1 / 3, 1 / 3], [1 / 3, 0], [0, 0], [0, 0], [0, 0]], dtype=torch.float64)
    assert_exact(pull, expected)
