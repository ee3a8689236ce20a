"""Bias and variance of each objective's gradient estimate from one group of one prompt."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from algorithms.types import Objective
from harness.studies.tabular.convergence import CRITIC_RATE
from harness.studies.tabular.groups import Groups, Scene, every_group, group_gradients
from harness.studies.tabular.problems import BEHAVIOURS, K, Problems, behaviour, on_grid

GROUP_SIZES = (2, 4, 8)
PARTS = 32
"""The probabilities of the reference are multiples of 1 / PARTS."""
POLICY_AT = 0.5
"""The position of the policy on the path from reference (0) to optimum (1)."""
STALE_AT = 0.25
"""The position of the stale policy on that path."""
DETOUR = 0.5
"""The distance of both policies from that path: the standard deviation of a logit, in nats."""
POPULATION = ("reference", "on-policy")
"""Behaviours for which the limit of infinite groups is computed."""
TINY = 1e-100
"""Replaces 0 in denominators whose numerator is 0 too."""


@dataclass(frozen=True, kw_only=True, slots=True)
class GradientEstimate:
    """Mean and spread of the gradient with respect to the logits, over the groups that a behaviour draws."""

    mean: Tensor
    """[N, K]"""
    spread: Tensor
    """[N] square root of the trace of the covariance"""

    @property
    def size(self) -> Tensor:
        """[N] root mean square of the gradient's norm."""
        return torch.hypot(self.mean.norm(dim=-1), self.spread)


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """One objective on data of one behaviour with one group size. Each field has one number per problem: [N]."""

    cosine: Tensor
    """cosine between the expected gradient and the exact gradient ``g*`` of ``-J``; 0 if the expected one is 0"""
    bias: Tensor
    """``|E g - g*| / |g*|``"""
    noise: Tensor
    """``sqrt(tr Cov g) / |g*|``"""
    signal: Tensor
    """``|E g| / sqrt(E |g|^2)``: 1 without noise, 0 without direction; independent of the learning rate"""
    own_bias: Tensor | None
    """``|E g - g'|`` over the larger of the two norms, where ``g'`` is the limit of infinite groups; for POPULATION
    only"""
    pull: Tensor
    """``|E g| / |g*(ref)|`` at the optimum: not 0 if the optimum is not a stationary point"""
    noise_at_optimum: Tensor
    """``sqrt(tr Cov g) / |g*(ref)|`` at the optimum"""


def scenes(problems: Problems, name: str) -> tuple[Scene, Scene]:
    """Data of one behaviour for the half-way policy and for the optimum. The reference is rounded to the grid."""
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
    """The measurements of an objective, by behaviour and group size."""
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
    """``|E g - g'|`` [N] over the larger of the two norms, by group size; ``g'`` is the gradient of an infinite group.

    For on-policy data the policy is rounded first, because the data must be on the grid. It is not rounded elsewhere:
    the ratio of two policies on the grid can lie exactly on the edge of a clip, where rounding errors would decide.
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
    """The exact mean and spread over all groups of one size."""
    weight = groups.probability(scene.behaviour)[..., None]
    found = group_gradients(objective, scene, groups.members, critic, generator).logits
    mean = (weight * found).sum(1)
    variance = (weight * (found - mean[:, None]) ** 2).sum((1, 2))
    return GradientEstimate(mean=mean, spread=variance.sqrt())


def infinite_group(objective: Objective, scene: Scene, critic: Tensor, generator: torch.Generator) -> Tensor:
    """[N, K] the gradient of the objective in the limit of infinite groups.

    Groups of 32, 64 and 96 can hold each completion in exact proportion to its probability. Their gradients differ by
    a series in 1 / G, whose first two terms are eliminated by Richardson extrapolation.
    """
    counts = (scene.behaviour.exp() * PARTS).round().long()
    once = torch.stack([torch.arange(K).repeat_interleave(row) for row in counts])[:, None]  # [N, 1, PARTS]
    limit = torch.zeros_like(scene.policy)
    for times, weight in ((1, 0.5), (2, -4.0), (3, 4.5)):
        found = group_gradients(objective, scene, once.repeat(1, 1, times), critic, generator)
        limit = limit + weight * found.logits[:, 0]
    return limit


def fit_critic(objective: Objective, scene: Scene, generator: torch.Generator, steps: int = 50) -> Tensor:
    """[N] the value at which the expected gradient of the critic is 0; zeros if no critic is required."""
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
    """[N] distance of two vectors relative to the longer one; 0 if both are 0."""
    longer = torch.maximum(a.norm(dim=-1), b.norm(dim=-1)).clamp(min=TINY)
    apart: Tensor = (a - b).norm(dim=-1) / longer
    return apart
