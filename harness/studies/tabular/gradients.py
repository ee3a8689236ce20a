"""Bias and variance of each objective's gradient estimate, from one group of one prompt."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from algorithms.types import Objective
from harness.studies.tabular.convergence import CRITIC_RATE
from harness.studies.tabular.groups import Groups, Scene, every_group, group_gradients
from harness.studies.tabular.problems import BEHAVIOURS, K, Problems, behaviour, on_grid

GROUP_SIZES = (2, 4, 8)
PARTS = 32
"""The reference's probabilities are multiples of 1 / PARTS."""
POLICY_AT = 0.5
"""Where on the path from reference to optimum the policy is measured."""
STALE_AT = 0.25
"""Where on it the stale policy is."""
DETOUR = 0.5
"""How far both are off it, in nats, one standard deviation of a logit."""
POPULATION = ("reference", "on-policy")
"""Behaviours for which the limit of infinite groups is computed."""
TINY = 1e-100
"""Instead of 0 in a denominator whose numerator is then 0."""


@dataclass(frozen=True, kw_only=True, slots=True)
class GradientEstimate:
    """Mean and spread of the gradient by the logits, over the groups that a behaviour draws."""

    mean: Tensor
    """[N, K]"""
    spread: Tensor
    """[N] root of the trace of the covariance"""

    @property
    def size(self) -> Tensor:
        """[N] root of the mean square of the gradient's length."""
        return torch.hypot(self.mean.norm(dim=-1), self.spread)


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """One objective on data of one behaviour at one group size, each a number per problem [N]."""

    cosine: Tensor
    """between the expected gradient and the exact one of ``-J``, ``g*``; 0 where the expected one is 0"""
    bias: Tensor
    """``|E g - g*| / |g*|``"""
    noise: Tensor
    """``sqrt(tr Cov g) / |g*|``"""
    signal: Tensor
    """``|E g| / sqrt(E |g|^2)``: 1 without noise, 0 without direction, whatever the learning rate"""
    own_bias: Tensor | None
    """``|E g - g'|`` over the larger of the two, ``g'`` the limit of infinite groups; for POPULATION only"""
    pull: Tensor
    """at the optimum, ``|E g| / |g*(ref)|``: not 0 if the optimum is no stationary point"""
    noise_at_optimum: Tensor
    """``sqrt(tr Cov g) / |g*(ref)|`` there"""


def scenes(problems: Problems, name: str) -> tuple[Scene, Scene]:
    """Data of one behaviour for the half-way policy, and for the optimum; the reference is on the grid."""
    problems = replace(problems, ref=on_grid(problems.ref, PARTS))
    half_way, stale = (problems.towards_optimum(share, DETOUR) for share in (POLICY_AT, STALE_AT))
    optimum = problems.optimum()
    data = behaviour(name, problems.ref, half_way, stale)
    data_there = behaviour(name, problems.ref, optimum, half_way)
    return (
        Scene(problems=problems, policy=half_way, behaviour=data),
        Scene(problems=problems, policy=optimum, behaviour=data_there),
    )


def measure(objective: Objective, problems: Problems, seed: int = 0) -> dict[tuple[str, int], Measured]:
    """By behaviour and group size."""
    generator = torch.Generator().manual_seed(seed)
    measured = {}
    for name in BEHAVIOURS:
        half_way, at_optimum = scenes(problems, name)
        gridded = half_way.problems
        exact = gridded.loss_gradient(half_way.policy)
        first = gridded.loss_gradient(gridded.ref).norm(dim=-1)
        critics = [fit_critic(objective, scene, generator) for scene in (half_way, at_optimum)]
        own = own_biases(objective, half_way, name, generator)
        for size in GROUP_SIZES:
            here = estimate(objective, half_way, every_group(size), critics[0], generator)
            there = estimate(objective, at_optimum, every_group(size), critics[1], generator)
            measured[name, size] = Measured(
                cosine=torch.cosine_similarity(here.mean, exact, dim=-1, eps=TINY),
                bias=(here.mean - exact).norm(dim=-1) / exact.norm(dim=-1),
                noise=here.spread / exact.norm(dim=-1),
                signal=here.mean.norm(dim=-1) / here.size.clamp(min=TINY),
                own_bias=own.get(size),
                pull=there.mean.norm(dim=-1) / first,
                noise_at_optimum=there.spread / first,
            )
    return measured


def own_biases(objective: Objective, scene: Scene, name: str, generator: torch.Generator) -> dict[int, Tensor]:
    """By group size, ``|E g - g'|`` [N] over the larger of the two, ``g'`` of an infinite group.

    On-policy the policy is rounded first, because its data must be on the grid. Nowhere else: a ratio
    between two policies on a grid can lie exactly on the edge of a clip, where rounding decides.
    """
    if name not in POPULATION:
        return {}
    if name == "on-policy":
        rounded = on_grid(scene.policy, PARTS)
        scene = Scene(problems=scene.problems, policy=rounded, behaviour=rounded)
    critic = fit_critic(objective, scene, generator)
    limit = infinite_group(objective, scene, critic, generator)
    means = {size: estimate(objective, scene, every_group(size), critic, generator).mean for size in GROUP_SIZES}
    return {size: _apart(mean, limit) for size, mean in means.items()}


def estimate(
    objective: Objective, scene: Scene, groups: Groups, critic: Tensor, generator: torch.Generator
) -> GradientEstimate:
    """Mean and spread over all groups of a size, exactly."""
    weight = groups.probability(scene.behaviour)[..., None]
    found = group_gradients(objective, scene, groups.members, critic, generator).logits
    mean = (weight * found).sum(1)
    variance = (weight * (found - mean[:, None]) ** 2).sum((1, 2))
    return GradientEstimate(mean=mean, spread=variance.sqrt())


def infinite_group(objective: Objective, scene: Scene, critic: Tensor, generator: torch.Generator) -> Tensor:
    """[N, K] the gradient on a group that is the behaviour itself: what the objective's own loss is of.

    Groups of 32, 64 and 96 hold each completion exactly as often as its probability says. What they
    differ by is a series in 1 / G; its first two terms are eliminated (Richardson).
    """
    counts = (scene.behaviour.exp() * PARTS).round().long()
    once = torch.stack([torch.arange(K).repeat_interleave(row) for row in counts])[:, None]  # [N, 1, PARTS]
    limit = torch.zeros_like(scene.policy)
    for times, weight in ((1, 0.5), (2, -4.0), (3, 4.5)):
        found = group_gradients(objective, scene, once.repeat(1, 1, times), critic, generator)
        limit = limit + weight * found.logits[:, 0]
    return limit


def fit_critic(objective: Objective, scene: Scene, generator: torch.Generator, steps: int = 50) -> Tensor:
    """[N] the value at which the critic's expected gradient is 0; zeros where none is required."""
    critic = torch.zeros(len(scene.policy), dtype=scene.policy.dtype)
    if "values" not in objective.requires:
        return critic
    groups = every_group(2)
    weight = groups.probability(scene.behaviour)
    for _ in range(steps):
        found = group_gradients(objective, scene, groups.members, critic, generator)
        critic = critic - CRITIC_RATE * (weight * found.critic).sum(1)
    return critic


def _apart(a: Tensor, b: Tensor) -> Tensor:
    """[N] distance of two vectors over the length of the longer; 0 where both are 0."""
    longer = torch.maximum(a.norm(dim=-1), b.norm(dim=-1)).clamp(min=TINY)
    apart: Tensor = (a - b).norm(dim=-1) / longer
    return apart
