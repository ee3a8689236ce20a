"""Bias and variance of each objective's gradient estimate, from one group of one prompt."""

from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from algorithms.types import Objective
from harness.tabular.convergence import CRITIC_RATE
from harness.tabular.groups import Groups, every_group, group_gradients
from harness.tabular.problems import BEHAVIOURS, Problems, behaviour, on_grid

GROUP_SIZES = (2, 4, 8)
PARTS = 32
"""All distributions off the optimum are multiples of 1 / PARTS."""
POLICY_AT = 0.5
"""Where on the path from reference to optimum the policy is measured."""
STALE_AT = 0.25
"""Where on it the stale policy is."""
POPULATION = ("reference", "on-policy")
"""Behaviours for which the limit of infinite groups is computed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Estimate:
    """Mean and spread of the gradient by the logits, over the groups that a behaviour draws."""

    mean: Tensor
    """[N, K]"""
    spread: Tensor
    """[N] root of the trace of the covariance"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """One objective on data of one behaviour at one group size, each a number per problem [N]."""

    cosine: Tensor
    """between the expected gradient and the exact one of ``-J``; 0 where the expected one is 0"""
    bias: Tensor
    """``|E g - g*| / |g*|``"""
    noise: Tensor
    """``sqrt(tr Cov g) / |g*|``"""
    signal: Tensor
    """``sqrt(tr Cov g) / |E g|``: the noise whatever the learning rate; infinite where ``E g`` is 0"""
    own_bias: Tensor | None
    """``|E g - g'| / |g'|`` with ``g'`` the limit of infinite groups of this behaviour, for POPULATION"""
    pull: Tensor
    """``|E g| / |g*(ref)|`` at the optimum, where ``g*`` is 0: not 0 if it is no stationary point"""
    noise_there: Tensor
    """``sqrt(tr Cov g) / |g*(ref)|`` at the optimum"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where gradients are taken: a policy and, for the behaviours, an earlier one. [N, K] each."""

    problems: Problems
    policy: Tensor
    earlier: Tensor

    def behaviour(self, name: str) -> Tensor:
        """[N, K] log-probabilities."""
        return behaviour(name, self.problems.ref, self.policy, self.earlier)


def places(problems: Problems) -> tuple[Place, Place]:
    """On the way, on the grid; and at the optimum of the same problems, with the former as stale policy."""
    problems = Problems(rewards=problems.rewards, ref=on_grid(problems.ref, PARTS))
    policy, earlier = (on_grid(problems.towards_optimum(share), PARTS) for share in (POLICY_AT, STALE_AT))
    on_the_way = Place(problems=problems, policy=policy, earlier=earlier)
    return on_the_way, Place(problems=problems, policy=problems.optimum(), earlier=policy)


def measure(objective: Objective, problems: Problems, seed: int = 0) -> dict[tuple[str, int], Measured]:
    """By behaviour and group size."""
    generator = torch.Generator().manual_seed(seed)
    on_the_way, at_optimum = places(problems)
    exact = on_the_way.problems.loss_gradient(on_the_way.policy)
    first = on_the_way.problems.loss_gradient(on_the_way.problems.ref).norm(dim=-1)
    measured = {}
    for name in BEHAVIOURS:
        critics = [fit_critic(objective, place, name, generator) for place in (on_the_way, at_optimum)]
        limit = infinite_group(objective, on_the_way, name, critics[0], generator) if name in POPULATION else None
        for size in GROUP_SIZES:
            groups = every_group(size)
            here = estimate(objective, on_the_way, name, groups, critics[0], generator)
            there = estimate(objective, at_optimum, name, groups, critics[1], generator)
            measured[name, size] = Measured(
                cosine=torch.cosine_similarity(here.mean, exact, dim=-1, eps=1e-30),
                bias=_relative(here.mean - exact, exact),
                noise=here.spread / exact.norm(dim=-1),
                signal=here.spread / here.mean.norm(dim=-1),
                own_bias=None if limit is None else _relative(here.mean - limit, limit),
                pull=there.mean.norm(dim=-1) / first,
                noise_there=there.spread / first,
            )
    return measured


def estimate(
    objective: Objective, place: Place, name: str, groups: Groups, critic: Tensor, generator: torch.Generator
) -> Estimate:
    """Over all groups of a size, exactly."""
    mu = place.behaviour(name)
    weight = groups.probability(mu)[..., None]
    found = group_gradients(objective, place.problems, place.policy, mu, groups.members, critic, generator).logits
    mean = (weight * found).sum(1)
    variance = (weight * (found - mean[:, None]) ** 2).sum((1, 2))
    return Estimate(mean=mean, spread=variance.sqrt())


def infinite_group(
    objective: Objective, place: Place, name: str, critic: Tensor, generator: torch.Generator
) -> Tensor:
    """[N, K] the gradient on a group that is the behaviour itself: what the objective's own loss is of.

    Groups of 32, 64 and 96 hold each completion exactly as often as its probability says. What they
    differ by is a series in 1 / G; its first two terms are eliminated (Richardson).
    """
    mu = place.behaviour(name)
    counts = (mu.exp() * PARTS).round().long()
    once = torch.stack([torch.arange(counts.shape[-1]).repeat_interleave(row) for row in counts])[:, None]
    gradient = partial(group_gradients, objective, place.problems, place.policy, mu)
    terms = {1: 0.5, 2: -4.0, 3: 4.5}
    parts = [
        weight * gradient(once.repeat(1, 1, times), critic, generator).logits[:, 0] for times, weight in terms.items()
    ]
    return torch.stack(parts).sum(0)


def fit_critic(objective: Objective, place: Place, name: str, generator: torch.Generator, steps: int = 100) -> Tensor:
    """[N] the value at which the critic's expected gradient is 0; zeros where none is required."""
    critic = torch.zeros(len(place.policy), dtype=place.policy.dtype)
    if "values" not in objective.requires:
        return critic
    groups, mu = every_group(2), place.behaviour(name)
    weight = groups.probability(mu)
    for _ in range(steps):
        found = group_gradients(objective, place.problems, place.policy, mu, groups.members, critic, generator)
        critic = critic - CRITIC_RATE * (weight * found.critic).sum(1)
    return critic


def _relative(difference: Tensor, to: Tensor) -> Tensor:
    return difference.norm(dim=-1) / to.norm(dim=-1)
