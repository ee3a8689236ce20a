"""The rules that hold for all objectives, built-in ones and future ones."""

from collections.abc import Sequence
from dataclasses import FrozenInstanceError, fields, is_dataclass, replace
from typing import Any

import pytest
import torch
from torch import Tensor

from algorithms.scores import COMPUTED
from algorithms.step import step_totals
from algorithms.types import Batch, HasOverview, HasTotals, LossOutput, Objective, PolicyOutput
from tests.support.batches import (
    CASES,
    COMPLETION_FIELDS,
    TOKEN_FIELDS,
    gradients,
    random_batch,
    step_loss,
    take,
    with_totals,
)
from tests.support.enumeration import assert_exact

every_objective = pytest.mark.parametrize("objective", CASES.values(), ids=CASES)


def loss_and_gradient(objective: Objective, policy: PolicyOutput, batch: Batch) -> tuple[LossOutput, Tensor]:
    output = step_loss(objective, policy, batch)
    return output, gradients(output.loss, policy)


def cut(batch: Batch, *parts: Sequence[int]) -> list[Tensor]:
    """The rows of the groups of each part."""
    return [torch.isin(batch.group, torch.tensor(part)) for part in parts]


@every_objective
def test_is_a_frozen_dataclass_of_keyword_fields(objective: Objective) -> None:
    assert is_dataclass(objective)
    assert all(field.kw_only for field in fields(objective))
    with pytest.raises(FrozenInstanceError):
        objective.anything = 1  # type: ignore[attr-defined]
    assert objective.requires <= COMPUTED


@every_objective
def test_splitting_a_step_into_micro_batches_changes_nothing(objective: Objective) -> None:
    policy, batch = random_batch()
    whole, gradient = loss_and_gradient(objective, policy, batch)
    parts = [take(policy, batch, rows) for rows in cut(batch, [0, 2], [1])]
    step = with_totals(objective, *(part for _, part in parts))
    outputs = [objective.loss(output, part) for (output, _), part in zip(parts, step, strict=True)]
    assert_exact(torch.stack([output.loss for output in outputs]).sum(), whole.loss)
    assert_exact(torch.stack([gradients(output.loss, policy) for output in outputs]).sum(0), gradient)
    for name, value in whole.metrics.items():
        assert_exact(torch.stack([output.metrics[name] for output in outputs]).sum(), value)


@every_objective
def test_totals_are_detached_and_the_same_however_a_step_is_cut(objective: Objective) -> None:
    policy, batch = random_batch()
    whole = step_totals(objective, [batch])
    assert bool(whole) == isinstance(objective, HasTotals | HasOverview)
    for cuts in ([[0], [1, 2]], [[2], [0], [1]]):
        parts = [take(policy, batch, rows)[1] for rows in cut(batch, *cuts)]
        for name, value in step_totals(objective, parts).items():
            assert not value.requires_grad
            assert_exact(value, whole[name])


@every_objective
def test_order_of_completions_changes_nothing(objective: Objective) -> None:
    policy, batch = random_batch()
    whole, gradient = loss_and_gradient(objective, policy, batch)
    rows = torch.randperm(len(batch.group), generator=torch.Generator().manual_seed(1))
    shuffled = step_loss(objective, *take(policy, batch, rows))
    assert_exact(shuffled.loss, whole.loss)
    assert_exact(gradients(shuffled.loss, policy), gradient)
    for name, value in whole.metrics.items():
        assert_exact(shuffled.metrics[name], value)


@every_objective
@pytest.mark.parametrize("garbage", [0.0, 1e30, -1e30, torch.inf, -torch.inf, torch.nan])
def test_padding_changes_nothing(objective: Objective, garbage: float) -> None:
    policy, batch = random_batch()
    whole, gradient = loss_and_gradient(objective, policy, batch)

    def padded(tensor: Tensor | None) -> Tensor:
        assert tensor is not None
        filled = torch.where(batch.mask, tensor.detach(), garbage)
        return torch.nn.functional.pad(filled, (0, 3), value=garbage)

    token_fields: dict[str, Any] = {name: padded(getattr(batch, name)) for name in TOKEN_FIELDS}
    longer = replace(batch, mask=torch.nn.functional.pad(batch.mask, (0, 3)), **token_fields)
    output = PolicyOutput(logp=padded(policy.logp).requires_grad_(), values=padded(policy.values).requires_grad_())
    more, more_gradient = loss_and_gradient(objective, output, longer)
    assert_exact(more.loss, whole.loss)
    assert_exact(more_gradient[..., :-3], gradient)
    assert not more_gradient[:, ~longer.mask].any()
    for name, value in whole.metrics.items():
        assert_exact(more.metrics[name], value)


@every_objective
@pytest.mark.parametrize("to_old", [80.0, -80.0])
@pytest.mark.parametrize("to_ref", [80.0, -80.0])
def test_stays_finite_at_log_ratios_of_80_nats_a_token(objective: Objective, to_old: float, to_ref: float) -> None:
    _, batch = random_batch()
    logp = torch.full(batch.mask.shape, -90.0).requires_grad_()
    known: dict[str, Any] = {name: getattr(batch, name).float() for name in ("rewards", *COMPLETION_FIELDS)}
    extreme = replace(
        batch,
        **known,
        old_logp=torch.full_like(logp, -90.0 - to_old),
        start_logp=torch.full_like(logp, -90.0),
        current_logp=torch.full_like(logp, -90.0),
        ref_logp=torch.full_like(logp, -90.0 - to_ref),
        old_values=torch.zeros_like(logp),
    )
    values = torch.zeros_like(logp).requires_grad_()
    output, gradient = loss_and_gradient(objective, PolicyOutput(logp=logp, values=values), extreme)
    assert output.loss.dtype == torch.float32
    assert output.loss.isfinite()
    assert gradient.isfinite().all()
    assert all(metric.isfinite() for metric in output.metrics.values())


@every_objective
def test_metrics_are_detached_scalars(objective: Objective) -> None:
    output = step_loss(objective, *random_batch())
    assert output.loss.shape == () and output.loss.requires_grad
    assert all(metric.shape == () and not metric.requires_grad for metric in output.metrics.values())


@every_objective
def test_a_single_completion_is_refused_where_a_group_is_required(objective: Objective) -> None:
    policy, batch = random_batch(sizes=(3, 1))
    if "group" in objective.requires:
        with pytest.raises(ValueError, match="at least two completions, but prompt 1 has one"):
            step_loss(objective, policy, batch)
    else:
        assert step_loss(objective, policy, batch).loss.isfinite()


@every_objective
@pytest.mark.parametrize("name", [*TOKEN_FIELDS, *COMPLETION_FIELDS])
def test_what_is_required_is_exactly_what_is_used(objective: Objective, name: str) -> None:
    policy, batch = random_batch()
    lacking = replace(batch, **{name: None})  # type: ignore[arg-type]
    if {"old_values": "values"}.get(name, name) in objective.requires:
        with pytest.raises(ValueError, match=name):
            step_loss(objective, policy, lacking)
    else:
        assert torch.equal(step_loss(objective, policy, lacking).loss, step_loss(objective, policy, batch).loss)


@every_objective
def test_the_critic_is_used_where_it_is_required(objective: Objective) -> None:
    policy, batch = random_batch()
    critic_gradient = gradients(step_loss(objective, policy, batch).loss, policy)[1]
    assert bool(critic_gradient.any()) == ("values" in objective.requires)
    if "values" in objective.requires:
        with pytest.raises(ValueError, match="values"):
            step_loss(objective, replace(policy, values=None), batch)


@every_objective
def test_zero_advantages_stay_in_the_denominator(objective: Objective) -> None:
    """The step is twice as large, and its other half is elsewhere and all alike. So this half's gradient is halved."""
    policy, batch = random_batch()
    (batch,) = with_totals(objective, batch)
    count = batch.denominators
    doubled = replace(count, sequences=2 * count.sequences, tokens=2 * count.tokens, groups=2 * count.groups)
    whole = objective.loss(policy, batch)
    half = objective.loss(policy, replace(batch, denominators=doubled))
    assert_exact(2 * half.loss, whole.loss)
    assert_exact(2 * gradients(half.loss, policy), gradients(whole.loss, policy))
    for name, value in whole.metrics.items():
        assert_exact(2 * half.metrics[name], value)


@every_objective
@pytest.mark.parametrize("reward", [0.0, 1.0])
def test_all_completions_alike_and_cut_is_no_special_case(objective: Objective, reward: float) -> None:
    """All are wrong or all correct, and every one is at the length limit, in float32."""
    policy, batch = random_batch()
    known: dict[str, Any] = {name: getattr(batch, name).float() for name in (*TOKEN_FIELDS, *COMPLETION_FIELDS)}
    tied = replace(
        batch,
        **known,
        mask=torch.ones_like(batch.mask),
        rewards=torch.full((len(batch.group),), reward),
        truncated=torch.ones_like(batch.truncated),
        denominators=replace(batch.denominators, tokens=batch.mask.numel(), reward_mean=reward),
    )
    assert policy.values is not None
    single = PolicyOutput(
        logp=policy.logp.detach().float().requires_grad_(), values=policy.values.detach().float().requires_grad_()
    )
    output, gradient = loss_and_gradient(objective, single, tied)
    assert output.loss.isfinite() and output.loss.requires_grad
    assert gradient.isfinite().all()
    finite = {name: bool(metric.isfinite()) for name, metric in output.metrics.items()}
    undefined = {"explained_variance"} if same_returns(objective) else set()
    assert {name for name, is_finite in finite.items() if not is_finite} == undefined


def same_returns(objective: Objective) -> bool:
    """Whether completions with the same reward leave the critic nothing to explain."""
    return getattr(objective, "beta", None) == 0 and "values" in objective.requires


LEARNS_FROM_TIES = [
    *("agro", "agro_on_policy", "rloo", "tba"),  # the KL is part of what is compared
    *("agro_tapered", "agro_tapered_off", "agro_tapered_softly", "agro_proximal", "agro_anchored"),
    *("reinforce", "reinforce_batch_mean", "reinforce_no_baseline", "topr"),  # the KL is separate
    *("reinforce_delta", "grpo_delta"),  # sampled completions become more likely
    *("grpo", "grpo_constant", "dr_grpo_kl", "gspo_kl"),
    "astar_po",  # the value comes from other completions
    *("kto", "kto_weighted"),  # every completion is judged by itself
    *("ppo", "ppo_plain", "geppo", "geppo_plain"),  # the advantages of a critic are not relative to the group
    *("rloo_published", "reinforce_pp", "reinforce_pp_baseline"),  # the sampler's KL is part of what is compared
    *("oapl", "pmd", "pmd_length"),  # a pull back to another policy
    "asymre",  # all sampled completions are to become likely
    *("constrained_agro", "constrained_grpo", "constrained_ppo", "constrained_dpo", "constrained_reinforce"),
    "constrained_m2po",
    *("robust_agro", "robust_grpo", "robust_ppo", "robust_kto", "robust_constrained"),
]
"""Cases that learn from completions that are all correct."""


@every_objective
def test_a_tie_teaches_nothing_where_only_rewards_are_compared(
    objective: Objective, request: pytest.FixtureRequest
) -> None:
    policy, batch = random_batch()
    count = replace(batch.denominators, reward_mean=1.0)
    tied = replace(batch, rewards=torch.ones_like(batch.rewards), denominators=count)
    output, gradient = loss_and_gradient(objective, policy, tied)
    name = request.node.callspec.id
    assert bool(gradient.any()) == (name in LEARNS_FROM_TIES)
    if name.startswith(("dpo", "ipo", "rpo", "maxrl", "cispo")):
        assert output.loss == 0
