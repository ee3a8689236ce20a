"""M2PO drops tokens depending on the whole step, and not on a micro-batch."""

import math
from dataclasses import replace

import pytest
import torch

from algorithms.grpo import GRPO, STD_FLOOR
from algorithms.m2po import M2PO
from algorithms.types import Batch, PolicyOutput
from tests.support.batches import gradients, random_batch, step_loss, tokens
from tests.support.enumeration import assert_exact

LOG_RATIOS = [[0.1, 0.2, -0.4], [0.3, 9.0, 9.0], [0.0, -0.2, 9.0]]
"""Rewards 1, 0, 0 and lengths 3, 1, 2. The squares in order are 0, 0.01, 0.04, 0.04, 0.09, 0.16."""


def worked() -> tuple[PolicyOutput, Batch]:
    policy, batch = tokens(LOG_RATIOS, rewards=[1.0, 0.0, 0.0], lengths=[3, 1, 2])
    return policy, replace(batch, current_logp=policy.logp.detach())


@pytest.mark.parametrize(
    ("tau", "kept"),
    [
        (0.0567, [[1, 1, 1], [1, 0, 0], [1, 1, 0]]),  # the mean of all is 0.34 / 6
        (0.0566, [[1, 1, 0], [1, 0, 0], [1, 1, 0]]),  # of the five smallest 0.036
        (0.0359, [[1, 1, 0], [0, 0, 0], [1, 1, 0]]),  # of the four smallest 0.0225
        (0.0200, [[1, 0, 0], [0, 0, 0], [1, 0, 0]]),  # two are equal at 0.04; with only one of them it would be 0.0167
        (0.0010, [[0, 0, 0], [0, 0, 0], [1, 0, 0]]),
    ],
)
def test_worked_cuts(tau: float, kept: list[list[int]]) -> None:
    policy, batch = worked()
    output = step_loss(M2PO(tau=tau), policy, batch)
    advantages = torch.tensor([2 / 3, -1 / 3, -1 / 3], dtype=torch.float64) / (math.sqrt(1 / 3) + STD_FLOOR)
    ratio = torch.tensor(LOG_RATIOS, dtype=torch.float64).exp() * torch.tensor(kept)
    assert_exact(gradients(output.loss, policy)[0], -advantages[:, None] * ratio / 6)
    assert output.metrics["dropped"].item() == pytest.approx(1 - sum(map(sum, kept)) / 6)
    assert output.metrics["second_moment"].item() == pytest.approx(0.34 / 6)


def test_outward_judges_only_what_the_clip_would_hold_back() -> None:
    """Up, if the advantage is positive: 0.1 and 0.2 of the first. Down, if it is negative: -0.2 of the third."""
    policy, batch = worked()
    assert step_loss(M2PO(tau=0.0301, judged="outward"), policy, batch).metrics["dropped"] == 0  # 0.09 / 3
    output = step_loss(M2PO(tau=0.0299, judged="outward"), policy, batch)  # two are equal at 0.04, so both are dropped
    dropped = gradients(output.loss, policy)[0] == 0
    assert dropped[batch.mask].tolist() == [False, True, False, False, False, True]


def test_where_nothing_has_moved_it_is_grpo_over_tokens() -> None:
    policy, batch = random_batch()
    now = policy.logp.detach()
    ours = step_loss(M2PO(), policy, replace(batch, old_logp=now, current_logp=now))
    theirs = step_loss(GRPO(beta_kl=0.0, aggregate="token_mean"), policy, replace(batch, old_logp=now))
    assert_exact(ours.loss, theirs.loss)
    assert_exact(gradients(ours.loss, policy), gradients(theirs.loss, policy))


@pytest.mark.parametrize("judged", ["all", "outward"])
@pytest.mark.parametrize("tau", [0.001, 0.01, 0.04, 0.1])
def test_what_is_kept_moves_no_more_than_tau_and_no_more_could_be_kept(judged: str, tau: float) -> None:
    _, batch = random_batch(sizes=(8, 8, 8), tokens=9, seed=3)
    objective = M2PO(tau=tau, judged=judged)  # type: ignore[arg-type]
    squares = objective._squares(batch)[objective._judged(batch)]
    cut = objective.overview([batch])["cut"]
    kept, dropped = squares[squares < cut], squares[squares >= cut]
    assert kept.sum() <= tau * len(kept)
    if len(dropped):
        assert (kept.sum() + dropped.min()) / (len(kept) + 1) > tau
