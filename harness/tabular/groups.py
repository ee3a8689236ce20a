"""The gradient of an objective on every possible group: expectations without sampling noise.

M  groups that are looked at for each prompt
G  completions of a group
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import combinations_with_replacement
from math import factorial, prod

import torch
from torch import Tensor
from torch.func import vmap

from algorithms.types import Batch, Denominators, HasTotals, Objective, PolicyOutput
from harness.tabular.problems import K, Problems


@dataclass(frozen=True, kw_only=True, slots=True)
class Groups:
    """All groups of a size. Objectives ignore the order within a group, so each multiset stands once."""

    members: Tensor
    """[M, G] int64, which completions"""
    orders: Tensor
    """[M] float64, the orders in which each can be drawn"""

    def probability(self, behaviour: Tensor) -> Tensor:
        """[N, M] of drawing each group from the behaviour [N, K]; sums to 1 over M."""
        return behaviour[:, self.members].sum(-1).exp() * self.orders


def every_group(size: int) -> Groups:
    """The ``C(K + G - 1, G)`` multisets of G completions."""
    members = list(combinations_with_replacement(range(K), size))
    orders = [factorial(size) // prod(factorial(group.count(k)) for k in range(K)) for group in members]
    return Groups(members=torch.tensor(members), orders=torch.tensor(orders, dtype=torch.float64))


@dataclass(frozen=True, kw_only=True, slots=True)
class Gradients:
    """What one step on each single group would follow."""

    logits: Tensor
    """[N, M, K] gradient by the policy's logits"""
    critic: Tensor
    """[N, M] by the critic's value of the prompt; zeros without a critic"""


def group_gradients(
    objective: Objective,
    problems: Problems,
    log_policy: Tensor,
    behaviour: Tensor,
    members: Tensor,
    critic: Tensor,
    generator: torch.Generator,
) -> Gradients:
    """The loss's gradient on each group alone, as an optimiser step of one prompt.

    A completion is one token. ``pi`` is the policy before the update too, and likewise the critic's value.

    Args:
        log_policy, behaviour: [N, K] log-probabilities.
        members: [N, M, G] int64, or anything that expands to it: the completions of each group.
        critic: [N] value of each prompt, used by objectives that require one.
        generator: where objectives that choose at random get their draws from.
    """
    prompts, size = len(log_policy), members.shape[-1]
    members = members.expand(prompts, -1, -1)
    groups = members.shape[1]

    def pick(table: Tensor) -> Tensor:
        spread = table[:, None].expand(-1, groups, -1) if table.dim() == 2 else table
        return spread.gather(-1, members).flatten(0, 1)  # [N * M, G]

    logits = log_policy.detach()[:, None].repeat(1, groups, 1).requires_grad_()
    value = critic.detach()[:, None].repeat(1, groups).requires_grad_()
    values = value.flatten()[:, None, None].expand(-1, size, 1)
    logp = pick(logits.log_softmax(-1))[..., None]  # [N * M, G, T = 1]
    rewards = pick(problems.rewards)
    offered = {
        "old_logp": pick(behaviour)[..., None],
        "ref_logp": pick(problems.ref)[..., None],
        "start_logp": logp.detach(),
        "draws": torch.rand(rewards.shape, generator=generator, dtype=rewards.dtype),
    }
    needed = {name: tensor for name, tensor in offered.items() if name in objective.requires}
    if "values" in objective.requires:
        final = torch.zeros_like(rewards)  # behind the only token the completion has ended
        needed |= {"old_values": values.detach(), "old_final_value": final}
        losses = vmap(lambda *given: _loss(objective, *given))(logp, values, rewards, needed)
    else:
        losses = vmap(lambda *given: _loss(objective, given[0], None, *given[1:]))(logp, rewards, needed)
    by_logits, by_value = torch.autograd.grad(losses.sum(), [logits, value], allow_unused=True)
    assert by_logits is not None
    return Gradients(logits=by_logits, critic=torch.zeros_like(value) if by_value is None else by_value)


def _loss(
    objective: Objective, logp: Tensor, values: Tensor | None, rewards: Tensor, needed: Mapping[str, Tensor]
) -> Tensor:
    """The loss [] of one group: logp and values [G, 1], rewards [G]."""
    size = len(rewards)
    count = Denominators(sequences=size, tokens=size, groups=1, max_tokens=1, reward_mean=float("nan"))
    batch = Batch(
        mask=torch.ones(size, 1, dtype=torch.bool),
        rewards=rewards,
        group=torch.zeros(size, dtype=torch.int64),
        truncated=torch.zeros(size, dtype=torch.bool),
        denominators=count,
        **needed,
    )
    if isinstance(objective, HasTotals):
        batch = replace(batch, totals=objective.totals(batch))
    return objective.loss(PolicyOutput(logp=logp, values=values), batch).loss
