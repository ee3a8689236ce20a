"""An objective tried on a made-up optimiser step: what fails in any step fails here, in milliseconds."""

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from algorithms.scores import scores_for
from algorithms.step import step_totals
from algorithms.types import Batch, Denominators, LossOutput, Objective, PolicyOutput

LENGTHS = (3, 1, 2, 3)
"""Tokens of the four completions of a part: two prompts with two completions each."""
REWARDS = ((1.0, 0.0, 1.0, 1.0), (0.0, 1.0, 0.0, 0.0))
"""Of the completions of each of two parts: in every part one prompt whose rewards differ, and one where they do not."""


class UnfitObjective(ValueError):
    """A loss that cannot be trained on. One sentence for its author."""


def try_out(objective: Objective) -> None:
    """Compute the losses and gradients of a step of two micro-batches.

    Raises:
        UnfitObjective: a loss is no finite scalar, or has no finite gradient.
        Exception: whatever the objective itself raises.
    """
    parts = [_part(objective, rewards, seed) for seed, rewards in enumerate(REWARDS)]
    totals = step_totals(objective, [batch for _, batch in parts])
    for policy, batch in parts:
        output = objective.loss(policy, replace(batch, totals=totals))
        if not isinstance(output, LossOutput) or not isinstance(output.loss, Tensor) or output.loss.dim() != 0:
            raise UnfitObjective("loss must return LossOutput(loss=..., metrics=...), whose loss is one number")
        if not torch.isfinite(output.loss):
            raise UnfitObjective(f"the loss of a made-up batch is {output.loss.item()}")
        (gradient,) = torch.autograd.grad(output.loss, [policy.logp], allow_unused=True)
        if gradient is not None and not torch.isfinite(gradient).all():
            raise UnfitObjective("the gradient of a made-up batch is not finite")


def _part(objective: Objective, rewards: tuple[float, ...], seed: int) -> tuple[PolicyOutput, Batch]:
    """A micro-batch of made-up completions, and what the policy says of them."""
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
