"""The gradient of an objective on every possible group, for expectations without sampling noise.

M  groups per prompt
G  completions per group
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations_with_replacement
from math import factorial, prod
from typing import Any

import torch
from torch import Tensor
from torch.func import vmap

from algorithms.scores import scores_for
from algorithms.step import step_totals
from algorithms.types import Batch, Denominators, Objective, PolicyOutput
from harness.studies.tabular.problems import K, Problems

SAMPLES = 32
"""The number of reference samples, for objectives that need rewards of the reference."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Groups:
    """All groups of one size. Objectives ignore the order within a group, so each multiset occurs once."""

    members: Tensor
    """[M, G] int64, the completions of each group"""
    orders: Tensor
    """[M] float64, the number of orders in which each group can be drawn"""

    def probability(self, behaviour: Tensor) -> Tensor:
        """[N, M] the probability of drawing each group from the behaviour [N, K]; sums to 1 over M."""
        return behaviour[:, self.members].sum(-1).exp() * self.orders


def every_group(size: int) -> Groups:
    """The ``C(K + G - 1, G)`` multisets of G completions."""
    members = list(combinations_with_replacement(range(K), size))
    orders = [factorial(size) // prod(factorial(group.count(k)) for k in range(K)) for group in members]
    return Groups(members=torch.tensor(members), orders=torch.tensor(orders, dtype=torch.float64))


@dataclass(frozen=True, kw_only=True, slots=True)
class Gradients:
    """The gradients of the loss on each single group."""

    logits: Tensor
    """[N, M, K] gradient with respect to the logits of the policy"""
    critic: Tensor
    """[N, M] gradient with respect to the critic's value of the prompt; zeros without a critic"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Scene:
    """The policy that learns and the behaviour policy of its data, both as [N, K] log-probabilities."""

    problems: Problems
    policy: Tensor
    behaviour: Tensor


def group_gradients(
    objective: Objective, scene: Scene, members: Tensor, critic: Tensor, generator: torch.Generator
) -> Gradients:
    """The gradient of the loss on each group alone, as in an optimiser step on one prompt.

    A completion is one token. This is the first update on the data, so ``pi`` and the critic's value are also the
    policy and the value before the update.

    Args:
        scene: the policy and its data.
        members: [N, M, G] int64, or a tensor that expands to this shape: the completions of each group.
        critic: [N] value of each prompt, for objectives that require one.
        generator: the source of random draws, for objectives that need them.
    """
    prompts = len(scene.policy)
    members = members.expand(prompts, -1, -1)
    shape = members.shape  # [N, M, G]

    def pick(table: Tensor) -> Tensor:
        return table[:, None].expand(-1, shape[1], -1).gather(-1, members).flatten(0, 1)  # [N * M, G]

    logp = pick(scene.policy)[..., None].requires_grad_()  # [N * M, G, T = 1]
    rewards = pick(scene.problems.rewards)
    values = critic[:, None, None].expand(shape).reshape(logp.shape).requires_grad_()
    old_logp, ref_logp = (pick(table)[..., None] for table in (scene.behaviour, scene.problems.ref))
    offered = scores_of(logp, values, rewards, old_logp, ref_logp, generator) | {
        "mismatched_log_ratio": _mismatched(scene)[:, None, None].expand(shape).flatten(0, 1),
        "ref_rewards": _sampled_rewards(scene)[:, None, None].expand(*shape, -1).flatten(0, 1),
    }
    group = torch.zeros(shape[-1], dtype=torch.int64)
    by_logp, by_value = batch_gradients(objective, logp, values, rewards, offered, group)
    by_completion = torch.zeros(*shape[:2], K, dtype=logp.dtype).scatter_add(-1, members, by_logp.view(shape))
    total = by_completion.sum(-1, keepdim=True)
    by_logits = by_completion - scene.policy.exp()[:, None] * total  # backward pass of log-softmax, for all groups
    return Gradients(logits=by_logits, critic=by_value.view(shape).sum(-1))


def _sampled_rewards(scene: Scene) -> Tensor:
    """[N, SAMPLES] rewards of reference samples, each completion in proportion to its probability."""
    places = (torch.arange(SAMPLES, dtype=torch.float64) + 0.5) / SAMPLES
    drawn = torch.searchsorted(scene.problems.ref.exp().cumsum(-1), places.expand(len(scene.policy), -1).contiguous())
    return scene.problems.rewards.gather(-1, drawn.clamp(max=K - 1))


def _mismatched(scene: Scene) -> Tensor:
    """[N] mean of ``log pi - log ref`` of each prompt over completions of all other prompts' behaviours."""
    drawn = scene.behaviour.exp()
    others = (drawn.sum(0) - drawn) / max(1, len(drawn) - 1)
    return (others * (scene.policy - scene.problems.ref)).sum(-1)


def scores_of(
    logp: Tensor, values: Tensor, rewards: Tensor, old_logp: Tensor, ref_logp: Tensor, generator: torch.Generator
) -> dict[str, Tensor]:
    """The scores that an objective may require for completions of one token, at the first update on them.

    Scores that need other completions of the prompts are not included.

    Args:
        logp: [S, B, 1], like ``values``, ``old_logp`` and ``ref_logp``.
        rewards: [S, B]
        generator: the source of random draws, for objectives that need them.
    """
    return {
        "old_logp": old_logp,
        "ref_logp": ref_logp,
        "start_logp": logp.detach(),
        "current_logp": logp.detach(),
        "old_values": values.detach(),
        "draws": torch.rand(rewards.shape, generator=generator, dtype=rewards.dtype),
    }


def batch_gradients(
    objective: Objective, logp: Tensor, values: Tensor, rewards: Tensor, offered: Mapping[str, Tensor], group: Tensor
) -> tuple[Tensor, Tensor]:
    """The gradients of the loss with respect to ``logp`` and ``values``, for many optimiser steps in parallel.

    Args:
        logp: [S, B, 1] for S steps on B completions of one token, with gradient; like ``values``.
        rewards: [S, B]
        offered: all scores that an objective may require, [S, B] or [S, B, 1].
        group: [B] int64, the prompt of each completion; the same in every step.
    """
    needed = {name: offered[name] for name in scores_for(objective.requires)}
    losses = vmap(partial(_loss, objective, group))(logp, values, rewards, needed)
    by_logp, by_value = torch.autograd.grad(losses.sum(), [logp, values], allow_unused=True, materialize_grads=True)
    return by_logp, by_value


def _loss(
    objective: Objective, group: Tensor, logp: Tensor, values: Tensor, rewards: Tensor, needed: Mapping[str, Any]
) -> Tensor:
    """The loss [] of one step: logp and values [B, 1], rewards [B]."""
    size = len(rewards)
    prompts = int(group[-1]) + 1
    count = Denominators(sequences=size, tokens=size, groups=prompts, max_tokens=1, reward_mean=float("nan"))
    batch = Batch(
        mask=torch.ones(size, 1, dtype=torch.bool),
        rewards=rewards,
        group=group,
        truncated=torch.zeros(size, dtype=torch.bool),
        denominators=count,
        **needed,
    )
    batch = replace(batch, totals=step_totals(objective, [batch]))
    policy = PolicyOutput(logp=logp, values=values if "values" in objective.requires else None)
    return objective.loss(policy, batch).loss
