"""A trial of an objective on a made-up optimiser step. It finds errors within milliseconds."""

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from algorithms.scores import scores_for
from algorithms.step import step_totals
from algorithms.types import Batch, Denominators, LossOutput, Objective, PolicyOutput

LENGTHS = (3, 1, 2, 3)
"""The number of tokens of each of four completions: two prompts with two completions each."""
REWARDS = ((1.0, 0.0, 1.0, 1.0), (0.0, 1.0, 0.0, 0.0))
"""Rewards of the completions of two parts. Each part has one prompt with different rewards and one with equal ones."""


class UnfitObjective(ValueError):
    """A loss that cannot be optimised. The message is one sentence for the author of the objective."""


def try_out(objective: Objective) -> None:
    """Compute the losses and gradients of a step of two micro-batches.

    Raises:
        UnfitObjective: a loss is not a finite scalar, or its gradient is not finite.
        Exception: whatever the objective itself raises.
    """
    parts = [_part(objective, rewards, seed) for seed, rewards in enumerate(REWARDS)]
    totals = step_totals(objective, [batch for _, batch in parts])
    for policy, batch in parts:
        output = objective.loss(policy, replace(batch, totals=totals))
        if not isinstance(output, LossOutput) or not isinstance(output.loss, Tensor) or output.loss.dim() != 0:
            raise UnfitObjective("loss must return LossOutput(loss=..., metrics=...) with a scalar loss")
        if not torch.isfinite(output.loss):
            raise UnfitObjective(f"the loss of a made-up batch is {output.loss.item()}")
        (gradient,) = torch.autograd.grad(output.loss, [policy.logp], allow_unused=True)
        if gradient is not None and not torch.isfinite(gradient).all():
            raise UnfitObjective("the gradient of a made-up batch is not finite")


def _part(objective: Objective, rewards: tuple[float, ...], seed: int) -> tuple[PolicyOutput, Batch]:
    """A micro-batch of made-up completions, and the output of a policy for them."""
    generator = torch.Generator().manual_seed(seed)
    mask = torch.arange(max(LENGTHS)) < torch.tensor(LENGTHS)[:, None]

    def random(*shape: int) -> Tensor:
        return torch.rand(shape, generator=generator)

    def logp() -> Tensor:
        return -(0.1 + random(*mask.shape)) * mask

    shapes = {"mismatched_log_ratio": lambda: random(4) - 0.5, "ref_rewards": lambda: random(4, 2).round()}
    shapes |= {"draws": lambda: random(4), "old_values": lambda: random(*mask.shape) * mask}
    names = scores_for(objective.requires)
    scores: dict[str, Any] = {name: shapes.get(name, logp)() for name in names}
    batch = Batch(
        mask=mask,
        rewards=torch.tensor(rewards),
        group=torch.tensor([0, 0, 1, 1]),
        truncated=torch.tensor([True, False, False, False]),
        denominators=Denominators(
            sequences=2 * len(LENGTHS), tokens=2 * sum(LENGTHS), groups=4, max_tokens=max(LENGTHS), reward_mean=0.5
        ),
        **scores,
    )
    values = (random(*mask.shape) * mask).requires_grad_() if "old_values" in names else None
    return PolicyOutput(logp=logp().requires_grad_(), values=values), batch
