"""Gradient descent on each objective's expected gradient, to where it ends up: the paper's Figure 1."""

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
"""Gradient steps by which the stale behaviour lags."""
LEARNING_RATE = 0.3
"""Constant for three quarters of the steps, then down to 0 along a cosine, so that clips stop chattering."""
CRITIC_RATE = 5.0
POLICY_SHARE = 0.1
"""Weight of the policy's probability beside the behaviour's in the preconditioner."""
LARGEST_MOVE = 0.5
"""Limit of a logit's change in one step, so that over all steps no log-ratio overflows in exp."""
CLOSE = 1e-6
"""A distance below it, in nats, counts as having reached the optimum."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Descent:
    """A run on N problems under each of the behaviours."""

    distance: Tensor
    """[steps + 1, behaviours, N] KL(pi || pi*) in nats, from the reference on"""
    gradient_left: Tensor
    """[behaviours, N] norm of the expected gradient by the logits at the last step"""
    policy: Tensor
    """[behaviours, N, K] log-probabilities at the end"""
    broken: Tensor
    """[behaviours, N] bool: the gradient was not finite once; the policy has stayed there"""

    @property
    def settled(self) -> Tensor:
        """[behaviours, N] bool: at the optimum, or the distance neither drifts nor cycles.

        Its means over the second and the third quarter agree within 2 %, and its end is within 10 % of
        the third: wider, because the size of the steps ends with them, and so does chatter at a clip.
        """
        quarter = (len(self.distance) - 1) // 4
        second, third = (self.distance[i * quarter : (i + 1) * quarter].mean(0) for i in (1, 2))
        end = self.distance[-1]
        still = ((third - second).abs() <= 0.02 * third) & ((end - third).abs() <= 0.1 * third)
        return (still | (end < CLOSE)) & ~self.broken

    @property
    def deterministic(self) -> Tensor:
        """[behaviours, N] bool: all but 1e-3 of the probability is on one completion."""
        return self.policy.amax(-1).exp() > 1 - 1e-3


def descend(objective: Objective, problems: Problems, steps: int = STEPS, seed: int = 0) -> Descent:
    """Descend from the reference, all behaviours and problems side by side.

    A logit's step is its gradient over ``mu + 0.1 pi``, the probabilities of its completion: in plain
    descent a completion of probability p takes 1 / p steps to be learnt of. A positive preconditioner
    moves no stationary point. A critic, where one is required, descends its own gradient beside.
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
    """Factor on the learning rates: 1, in the last quarter half a cosine down to 0."""
    into = max(0.0, (step - 0.75 * steps) / (0.25 * steps))
    return 0.5 * (1 + math.cos(math.pi * into))
