"""Random batches of several tokens, and ways to cut them; and the objectives every rule is tested on."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from algorithms import OBJECTIVES
from algorithms.agro import AGRO
from algorithms.grpo import GRPO
from algorithms.reinforce import Reinforce
from algorithms.types import Batch, Denominators, LossOutput, Objective, PolicyOutput

CASES: dict[str, Objective] = {name: objective() for name, objective in OBJECTIVES.items()} | {
    "agro_on_policy": AGRO(form="on_policy"),
    "grpo_token_mean": GRPO(aggregate="token_mean", clip_high=0.28, beta_kl=0.0),
    "grpo_constant": GRPO(aggregate="constant", normalise_std=False),
    "reinforce_batch_mean": Reinforce(baseline="batch_mean", kl="k3"),
    "reinforce_no_baseline": Reinforce(baseline="none", beta=0.0),
}
"""Every objective with its defaults, and the variants that take another path."""

TOKEN_FIELDS = ("old_logp", "ref_logp", "old_values")


def random_batch(sizes: Sequence[int] = (4, 2, 3), tokens: int = 6, seed: int = 0) -> tuple[PolicyOutput, Batch]:
    """Groups of these sizes, float64; ``policy.logp`` and ``policy.values`` are leaves with gradient."""
    generator = torch.Generator().manual_seed(seed)
    shape = (sum(sizes), tokens)

    def normal(scale: float) -> Tensor:
        return scale * torch.randn(shape, generator=generator, dtype=torch.float64)

    lengths = torch.randint(1, tokens + 1, (sum(sizes), 1), generator=generator)
    mask = torch.arange(tokens) < lengths
    logp = normal(1.0) - 3.0
    rewards = torch.rand(sum(sizes), generator=generator, dtype=torch.float64)
    batch = Batch(
        mask=mask,
        rewards=rewards,
        group=torch.arange(len(sizes)).repeat_interleave(torch.tensor(sizes)),
        truncated=lengths.squeeze(1) == tokens,
        denominators=Denominators(
            sequences=sum(sizes),
            tokens=int(mask.sum()),
            groups=len(sizes),
            max_tokens=10,
            reward_mean=float(rewards.mean()),
        ),
        old_logp=logp + normal(0.3),
        ref_logp=logp + normal(0.3),
        old_values=normal(1.0),
    )
    return PolicyOutput(logp=logp.requires_grad_(), values=normal(1.0).requires_grad_()), batch


def take(policy: PolicyOutput, batch: Batch, rows: Tensor) -> tuple[PolicyOutput, Batch]:
    """These rows of the batch, in this order, under the denominators of the whole step."""

    def cut(tensor: Tensor | None) -> Tensor | None:
        return None if tensor is None else tensor[rows]

    names = ("mask", "rewards", "group", "truncated", *TOKEN_FIELDS)
    rows_of: dict[str, Any] = {name: cut(getattr(batch, name)) for name in names}
    return PolicyOutput(logp=policy.logp[rows], values=cut(policy.values)), replace(batch, **rows_of)


def loss_and_gradient(
    objective: Objective, policy: PolicyOutput, batch: Batch, leaf: Tensor
) -> tuple[LossOutput, Tensor]:
    """The output, and the gradient with respect to the leaf from which the policy's output was made."""
    output = objective.loss(policy, batch)
    (gradient,) = torch.autograd.grad(output.loss, leaf, retain_graph=True)
    return output, gradient
