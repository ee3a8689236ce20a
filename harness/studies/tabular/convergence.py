"""Gradient descent with each objective's expected gradient, to find where it converges: the paper's Figure 1."""

import math
from collections import deque
from dataclasses import dataclass

import torch
from torch import Tensor

from algorithms.types import Objective
from harness.studies.tabular.groups import Scene, every_group, group_gradients
from harness.studies.tabular.problems import BEHAVIOURS, Problems, behaviour

GROUP_SIZE = 2
STEPS = 500
STALENESS = 50
"""The stale behaviour policy is this many gradient steps old."""
LEARNING_RATE = 0.3
"""Constant for three quarters of the steps. Then it falls to 0 along a cosine, so that clips stop oscillating."""
CRITIC_RATE = 5.0
POLICY_SHARE = 0.1
"""The weight of the policy's probability in the preconditioner; the behaviour's has weight 1."""
LARGEST_MOVE = 0.5
"""The largest change of a logit in one step, so that no log-ratio overflows in exp over all steps."""
CLOSE = 1e-6
"""A policy closer than this to the optimum, in nats, has reached it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Descent:
    """A descent on N problems with data of each behaviour policy."""

    distance: Tensor
    """[steps + 1, behaviours, N] KL(pi || pi*) in nats; the first policy is the reference"""
    gradient_left: Tensor
    """[behaviours, N] norm of the expected gradient with respect to the logits, at the last step"""
    policy: Tensor
    """[behaviours, N, K] log-probabilities at the end"""
    broken: Tensor
    """[behaviours, N] bool: a gradient was not finite, and the policy was not updated after that"""

    @property
    def settled(self) -> Tensor:
        """[behaviours, N] bool: the policy is at the optimum, or its distance neither drifts nor cycles.

        The means of the distance over the second and the third quarter agree within 2 %, and the last distance is
        within 10 % of the mean over the third. This tolerance is wider, because steps shrink in the last quarter, and
        with them the oscillation at a clip.
        """
        quarter = (len(self.distance) - 1) // 4
        second, third = (self.distance[i * quarter : (i + 1) * quarter].mean(0) for i in (1, 2))
        end = self.distance[-1]
        still = ((third - second).abs() <= 0.02 * third) & ((end - third).abs() <= 0.1 * third)
        return (still | (end < CLOSE)) & ~self.broken

    @property
    def deterministic(self) -> Tensor:
        """[behaviours, N] bool: one completion has more than 1 - 1e-3 of the probability."""
        return self.policy.amax(-1).exp() > 1 - 1e-3


def descend(objective: Objective, problems: Problems, steps: int = STEPS, seed: int = 0) -> Descent:
    """Descend from the reference, for all behaviours and problems in parallel.

    The gradient of each logit is divided by ``mu + 0.1 pi``, where ``mu`` and ``pi`` are the probabilities of its
    completion. Plain descent would need 1 / p steps to learn from a completion of probability p. A positive
    preconditioner does not move stationary points. A critic, if one is required, descends its own gradient.
    """
    groups = every_group(GROUP_SIZE)
    shape = (len(BEHAVIOURS), *problems.ref.shape)
    flat = Problems(**{name: _tiled(getattr(problems, name)) for name in ("rewards", "ref", "detour")})
    generator = torch.Generator().manual_seed(seed)
    policy, critic = flat.ref, torch.zeros(len(flat.ref), dtype=flat.ref.dtype)
    broken = torch.zeros(len(flat.ref), dtype=torch.bool)
    past = deque([policy], maxlen=STALENESS + 1)
    distance = [flat.distance(policy)]
    for step in range(steps):
        earlier, now = past[0].view(shape), policy.view(shape)
        chosen = [behaviour(name, problems.ref, now[i], earlier[i]) for i, name in enumerate(BEHAVIOURS)]
        mu = torch.cat(chosen)
        weight = groups.probability(mu)
        found = group_gradients(
            objective, Scene(problems=flat, policy=policy, behaviour=mu), groups.members, critic, generator
        )
        gradient = (weight[..., None] * found.logits).sum(1)
        broken |= ~gradient.isfinite().all(-1)
        rate = _rate(step, steps)
        move = -rate * LEARNING_RATE * gradient / (mu.exp() + POLICY_SHARE * policy.exp())
        move = move * (LARGEST_MOVE / move.abs().amax(-1, keepdim=True).clamp(min=LARGEST_MOVE))
        policy = torch.where(broken[:, None], policy, (policy + move).log_softmax(-1))
        critic = critic - rate * CRITIC_RATE * (weight * found.critic).sum(1)
        past.append(policy)
        distance.append(flat.distance(policy))
    return Descent(
        distance=torch.stack(distance).view(-1, *shape[:2]),
        gradient_left=gradient.norm(dim=-1).view(shape[:2]),
        policy=policy.view(shape),
        broken=broken.view(shape[:2]),
    )


def _tiled(table: Tensor) -> Tensor:
    return table.repeat(len(BEHAVIOURS), 1)


def _rate(step: int, steps: int) -> float:
    """The factor on the learning rates: 1, and in the last quarter half a cosine down to 0."""
    into = max(0.0, (step - 0.75 * steps) / (0.25 * steps))
    return 0.5 * (1 + math.cos(math.pi * into))
