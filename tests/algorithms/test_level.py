"""What fixes the level of log-probabilities: what AGRO cannot see, and what REINFORCE adds to it."""

import pytest
import torch

from algorithms.agro import AGRO
from algorithms.ops import group_mean
from algorithms.reinforce import Reinforce
from algorithms.rloo import RLOO
from algorithms.types import Batch, Denominators, PolicyOutput
from tests.support.enumeration import assert_exact, gradient, random_distribution, random_problems

BETA = 0.05


def test_the_loss_is_blind_to_mass_where_the_behaviour_has_next_to_none() -> None:
    """Of three completions, the first is correct. The data come from the reference, which rarely writes the third."""
    rewards, rare = torch.tensor([1.0, 0.0, 0.0], dtype=torch.float64), 1e-3
    ref = torch.tensor([(1 - rare) / 2, (1 - rare) / 2, rare], dtype=torch.float64).log()

    def loss(log_policy: torch.Tensor) -> float:
        """The expectation of what AGRO minimises, over all pairs of completions from the reference."""
        total = 0.0
        for pair in torch.cartesian_prod(torch.arange(3), torch.arange(3)):
            batch = Batch(
                mask=torch.ones(2, 1, dtype=torch.bool),
                rewards=rewards[pair],
                group=torch.zeros(2, dtype=torch.int64),
                truncated=torch.zeros(2, dtype=torch.bool),
                denominators=Denominators(sequences=2, tokens=2, groups=1, max_tokens=1, reward_mean=0.0),
                ref_logp=ref[pair][:, None],
            )
            found = AGRO(beta=BETA).loss(PolicyOutput(logp=log_policy[pair][:, None]), batch)
            total += float(ref[pair].sum().exp() * found.metrics["variance"])
        return total

    second = torch.tensor(0.01).double().log() - 1 / BETA  # so that the first two have the same regularised reward
    leaked = torch.stack([torch.tensor(0.01).double().log(), second, torch.tensor(0.99).double().log()])
    assert leaked.exp().sum() == pytest.approx(1, abs=1e-6)
    assert loss(ref) == pytest.approx(0.125, abs=1e-6)
    assert loss(leaked) == pytest.approx(1.2e-3, abs=2e-5)


@pytest.mark.parametrize("size", [2, 3, 4])
def test_reinforce_is_agro_with_less_kl_and_its_level_tied_to_the_reference(size: int) -> None:
    """For each sample, on any data: AGRO's KL part times ``1 - 1/G``, and ``-beta`` times the mean log-ratio."""
    problems = random_problems(3)
    members = torch.cartesian_prod(*[torch.arange(4)] * size).view(-1, size)
    group = torch.arange(3 * len(members)).repeat_interleave(size)
    row = torch.arange(3).repeat_interleave(members.numel()), members.flatten().repeat(3)
    logp = random_distribution(7)[row][:, None].requires_grad_()
    batch = Batch(
        mask=torch.ones(len(group), 1, dtype=torch.bool),
        rewards=problems.rewards[row],
        group=group,
        truncated=torch.zeros_like(group, dtype=torch.bool),
        denominators=Denominators(
            sequences=len(group), tokens=len(group), groups=3 * len(members), max_tokens=1, reward_mean=0.0
        ),
        ref_logp=problems.ref[row][:, None],
    )

    def coefficients(objective: AGRO | Reinforce | RLOO) -> torch.Tensor:
        return -len(group) * gradient(objective.loss(PolicyOutput(logp=logp), batch).loss, logp)[:, 0]

    log_ratio = (logp.detach() - problems.ref[row][:, None])[:, 0]
    rewards_alone = coefficients(Reinforce(beta=0.0))
    kl_part = coefficients(AGRO(beta=BETA)) - rewards_alone
    level = -BETA * group_mean(log_ratio, group)
    assert_exact(coefficients(Reinforce(beta=BETA)), rewards_alone + (1 - 1 / size) * kl_part + level)
    assert_exact(coefficients(RLOO(beta=BETA)), coefficients(AGRO(beta=BETA)))
    # AGRO does not fix the level at all.
    assert_exact(group_mean(coefficients(AGRO(beta=BETA)), group), torch.zeros(len(group)).double())
