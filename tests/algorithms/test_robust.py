"""A robust objective weights the gradient of each prompt in its inner objective by the worst distribution."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from algorithms.agro import AGRO
from algorithms.constrained import Constrained
from algorithms.dpo import DPO
from algorithms.grpo import GRPO
from algorithms.kto import KTO
from algorithms.m2po import M2PO
from algorithms.ops import group_mean
from algorithms.ppo import PPO
from algorithms.reinforce import Reinforce
from algorithms.robust import Robust
from algorithms.types import Batch, Objective
from algorithms.worst_case import chi_square_weights, cvar_weights, kl_weights
from tests.support.batches import gradients, random_batch, step_loss, take, with_totals
from tests.support.enumeration import assert_exact

INNER: list[Objective] = [
    *(AGRO(), GRPO(), PPO(), DPO(), Reinforce(baseline="batch_mean"), M2PO(), KTO()),
    Constrained(inner=GRPO(), quantity="length", limit=3.0),
]
inners = pytest.mark.parametrize("inner", INNER, ids=str)


def prompt_losses(batch: Batch) -> Tensor:
    """[P] The loss of each prompt."""
    means = group_mean(batch.rewards, batch.group)
    return torch.stack([1 - means[batch.group == prompt][0] for prompt in batch.group.unique()])


@inners
@pytest.mark.parametrize("kind", ["kl", "chi_square", "cvar"])
def test_without_a_radius_it_is_the_inner_objective_bit_for_bit(inner: Objective, kind: str) -> None:
    policy, batch = random_batch()
    outer = step_loss(Robust(inner=inner, kind=kind, radius=0.0), policy, batch)  # type: ignore[arg-type]
    bare = step_loss(inner, policy, batch)
    assert torch.equal(outer.loss, bare.loss)
    assert torch.equal(gradients(outer.loss, policy), gradients(bare.loss, policy))
    assert {name: value for name, value in outer.metrics.items() if name in bare.metrics} == bare.metrics
    assert outer.metrics["robust_square"] == pytest.approx(1.0)


@inners
@pytest.mark.parametrize(
    ("kind", "weigh", "radius"),
    [("kl", kl_weights, 0.2), ("chi_square", chi_square_weights, 0.3), ("cvar", cvar_weights, 1.1)],
)
def test_each_prompts_gradient_is_weighed_and_the_critics_is_not(
    inner: Objective, kind: str, weigh: object, radius: float
) -> None:
    policy, batch = random_batch()
    weights = weigh(prompt_losses(batch), radius)  # type: ignore[operator]
    outer = step_loss(Robust(inner=inner, kind=kind, radius=radius), policy, batch)  # type: ignore[arg-type]
    bare = step_loss(inner, policy, batch)
    assert torch.equal(outer.loss, bare.loss)
    ours, theirs = gradients(outer.loss, policy), gradients(bare.loss, policy)
    assert_exact(ours[0], theirs[0] * weights[batch.group][:, None])
    assert torch.equal(ours[1], theirs[1])
    assert outer.metrics["robust_loss"].item() == pytest.approx(float((weights * prompt_losses(batch)).mean()))
    assert outer.metrics["robust_square"].item() == pytest.approx(float((weights**2).mean()))


def test_weights_are_of_the_whole_step_whatever_the_numbers_of_its_prompts() -> None:
    """Each micro-batch numbers its prompts from 0."""
    policy, batch = random_batch()
    objective = Robust(inner=GRPO(), kind="cvar", radius=1.1)
    whole = gradients(step_loss(objective, policy, batch).loss, policy)
    parts = [take(policy, batch, batch.group == prompt) for prompt in range(3)]
    numbered = [replace(part, group=torch.zeros_like(part.group)) for _, part in parts]
    step = with_totals(objective, *numbered)
    losses = [objective.loss(output, part).loss for (output, _), part in zip(parts, step, strict=True)]
    assert_exact(gradients(torch.stack(losses).sum(), policy), whole)


def test_a_robust_objective_is_not_made_robust_again() -> None:
    with pytest.raises(ValueError, match="inner must be an objective that is not robust itself"):
        Robust(inner=Robust(inner=AGRO(), kind="kl", radius=1.0), kind="kl", radius=1.0)
    for radius in (-0.1, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="radius must be a finite number of at least 0"):
            Robust(inner=AGRO(), kind="kl", radius=radius)
    with pytest.raises(ValueError, match="kind must be one of 'kl', 'chi_square', 'cvar'"):
        Robust(inner=AGRO(), kind="wasserstein", radius=1.0)  # type: ignore[arg-type]
