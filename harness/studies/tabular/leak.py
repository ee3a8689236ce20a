"""Training on samples of a model with infinitely many wrong completions: does probability leak to unseen ones?"""

from collections import deque
from dataclasses import dataclass

import torch
from torch import Tensor

from algorithms.types import Objective
from harness.studies.tabular.convergence import CRITIC_RATE
from harness.studies.tabular.groups import SAMPLES, batch_gradients, scores_of
from harness.studies.tabular.lengths import draw, drift, log_prob, rewards, right, score, unseen

DATA = ("fresh", "stale", "fixed")
"""Completions of the current policy, of the policy LAG updates ago, and of the reference."""
LAG = 32
UPDATES = 300
PROMPTS, GROUP_SIZE = 32, 4
RUNS = 16
"""The number of sampled runs that each number is a mean over."""
LEARNING_RATE = 0.1
LARGEST_GRADIENT = 1.0
FARTHEST = 11.5
"""The largest theta. A run stops there, because its completions already have 100,000 steps."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Leak:
    """Runs on each kind of data, with all updates."""

    theta: Tensor
    """[updates + 1, data, runs]"""
    ratio: Tensor
    """[updates, data, runs] mean of ``pi / mu`` over the batch; its expectation is 1 for any policy and data"""
    broken: Tensor
    """[data, runs] bool: a gradient was not finite, and the policy was not updated after that"""

    @property
    def accuracy(self) -> Tensor:
        """[updates + 1, data, runs] probability of right completions."""
        return right(self.theta.flatten()).view_as(self.theta)

    @property
    def unseen(self) -> Tensor:
        """[updates + 1, data, runs] probability of completions that the reference almost never writes."""
        return unseen(self.theta.flatten()).view_as(self.theta)


def train(objective: Objective, updates: int = UPDATES, runs: int = RUNS, seed: int = 0) -> Leak:
    """Train from the reference, with PROMPTS groups per update. All kinds of data and all runs in parallel."""
    generator = torch.Generator().manual_seed(seed)
    shape = (len(DATA), runs)
    theta = torch.zeros(len(DATA) * runs, dtype=torch.float64)
    reference, critic, broken = theta, torch.zeros_like(theta), torch.zeros_like(theta, dtype=torch.bool)
    past = deque([theta], maxlen=LAG + 1)
    path, ratios = [theta], []
    for _ in range(updates):
        sources = {"fresh": theta, "stale": past[0], "fixed": reference}
        mu = torch.stack([sources[name].view(shape)[i] for i, name in enumerate(DATA)]).flatten()
        gradient, by_critic, ratio = _gradient(objective, theta, mu, critic, generator)
        broken |= ~gradient.isfinite()
        move = LEARNING_RATE * gradient.clamp(-LARGEST_GRADIENT, LARGEST_GRADIENT)
        theta = torch.where(broken | (theta >= FARTHEST), theta, theta - move)
        critic = critic - CRITIC_RATE * by_critic
        past.append(theta)
        path.append(theta)
        ratios.append(ratio)
    return Leak(
        theta=torch.stack(path).view(-1, *shape), ratio=torch.stack(ratios).view(-1, *shape), broken=broken.view(shape)
    )


def _gradient(
    objective: Objective, theta: Tensor, mu: Tensor, critic: Tensor, generator: torch.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """The gradients with respect to theta and to the critic's value on a batch from ``mu``, and its mean ratio; [S]."""
    count = PROMPTS * GROUP_SIZE
    steps = draw(mu, count, generator)
    logp = log_prob(theta, steps)[..., None].requires_grad_()
    old_logp = log_prob(mu, steps)[..., None]
    values = critic[:, None, None].expand_as(logp).clone().requires_grad_()
    ref_logp = log_prob(torch.zeros_like(theta), steps)[..., None]
    offered = scores_of(logp, values, rewards(steps), old_logp, ref_logp, generator) | {
        "mismatched_log_ratio": drift(theta, mu)[:, None].expand_as(steps),  # every prompt is the same
        "ref_rewards": rewards(draw(torch.zeros_like(theta), SAMPLES, generator))[:, None].expand(*steps.shape, -1),
    }
    group = torch.arange(PROMPTS).repeat_interleave(GROUP_SIZE)
    by_logp, by_value = batch_gradients(objective, logp, values, rewards(steps), offered, group)
    ratio = (logp.detach() - old_logp).exp().mean((1, 2))
    return (by_logp[..., 0] * score(theta, steps)).sum(1), by_value.sum((1, 2)), ratio
