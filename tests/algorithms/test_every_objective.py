"""The rules that hold for all objectives, built-in and to come."""

from dataclasses import FrozenInstanceError, fields, is_dataclass, replace
from typing import Any

import pytest
import torch
from torch import Tensor

from algorithms.types import Objective, PolicyOutput
from tests.algorithms.batches import CASES, TOKEN_FIELDS, loss_and_gradient, random_batch, take
from tests.algorithms.enumeration import assert_exact

every_objective = pytest.mark.parametrize("objective", CASES.values(), ids=CASES)


@every_objective
def test_is_a_frozen_dataclass_of_keyword_fields(objective: Objective) -> None:
    assert is_dataclass(objective)
    assert all(field.kw_only for field in fields(objective))
    with pytest.raises(FrozenInstanceError):
        setattr(objective, fields(objective)[0].name, 1)
    assert objective.requires <= {"ref_logp", "old_logp", "values", "group"}


@every_objective
def test_splitting_a_step_into_micro_batches_changes_nothing(objective: Objective) -> None:
    policy, batch = random_batch()
    whole, gradient = loss_and_gradient(objective, policy, batch, policy.logp)
    parts = [
        loss_and_gradient(objective, *take(policy, batch, rows), policy.logp)
        for rows in (torch.isin(batch.group, torch.tensor([0, 2])), batch.group == 1)
    ]
    assert_exact(torch.stack([part.loss for part, _ in parts]).sum(), whole.loss)
    assert_exact(torch.stack([part for _, part in parts]).sum(0), gradient)
    for name, value in whole.metrics.items():
        summed = torch.stack([part.metrics[name] for part, _ in parts]).sum()
        assert_exact(summed, value)


@every_objective
def test_order_of_completions_changes_nothing(objective: Objective) -> None:
    policy, batch = random_batch()
    whole, gradient = loss_and_gradient(objective, policy, batch, policy.logp)
    rows = torch.randperm(len(batch.group), generator=torch.Generator().manual_seed(1))
    shuffled, shuffled_gradient = loss_and_gradient(objective, *take(policy, batch, rows), policy.logp)
    assert_exact(shuffled.loss, whole.loss)
    assert_exact(shuffled_gradient, gradient)


@every_objective
@pytest.mark.parametrize("garbage", [0.0, 1e30, -1e30, torch.inf, -torch.inf, torch.nan])
def test_padding_changes_nothing(objective: Objective, garbage: float) -> None:
    policy, batch = random_batch()
    whole, gradient = loss_and_gradient(objective, policy, batch, policy.logp)

    def padded(tensor: Tensor | None) -> Tensor:
        assert tensor is not None
        filled = torch.where(batch.mask, tensor.detach(), garbage)
        return torch.nn.functional.pad(filled, (0, 3), value=garbage)

    token_fields: dict[str, Any] = {name: padded(getattr(batch, name)) for name in TOKEN_FIELDS}
    longer = replace(batch, mask=torch.nn.functional.pad(batch.mask, (0, 3)), **token_fields)
    output = PolicyOutput(logp=padded(policy.logp).requires_grad_(), values=padded(policy.values).requires_grad_())
    more, more_gradient = loss_and_gradient(objective, output, longer, output.logp)
    assert_exact(more.loss, whole.loss)
    assert_exact(more_gradient[:, :-3], gradient)
    assert not more_gradient[~longer.mask].any()
    for name, value in whole.metrics.items():
        assert_exact(more.metrics[name], value)


@every_objective
@pytest.mark.parametrize("to_old", [80.0, -80.0])
@pytest.mark.parametrize("to_ref", [80.0, -80.0])
def test_stays_finite_at_log_ratios_of_80_nats_a_token(objective: Objective, to_old: float, to_ref: float) -> None:
    _, batch = random_batch()
    logp = torch.full(batch.mask.shape, -90.0).requires_grad_()
    extreme = replace(
        batch,
        rewards=batch.rewards.float(),
        old_logp=torch.full_like(logp, -90.0 - to_old),
        ref_logp=torch.full_like(logp, -90.0 - to_ref),
        old_values=torch.zeros_like(logp),
    )
    output, gradient = loss_and_gradient(
        objective, PolicyOutput(logp=logp, values=torch.zeros_like(logp)), extreme, logp
    )
    assert output.loss.dtype == torch.float32
    assert output.loss.isfinite()
    assert gradient.isfinite().all()
    assert all(metric.isfinite() for metric in output.metrics.values())


@every_objective
def test_metrics_are_detached_scalars(objective: Objective) -> None:
    output = objective.loss(*random_batch())
    assert output.loss.shape == () and output.loss.requires_grad
    assert all(metric.shape == () and not metric.requires_grad for metric in output.metrics.values())


@every_objective
def test_a_single_completion_is_refused_where_a_group_is_required(objective: Objective) -> None:
    policy, batch = random_batch(sizes=(3, 1))
    if "group" in objective.requires:
        with pytest.raises(ValueError, match="at least two completions, but prompt 1 has one"):
            objective.loss(policy, batch)
    else:
        assert objective.loss(policy, batch).loss.isfinite()


@every_objective
def test_what_is_required_is_exactly_what_is_used(objective: Objective) -> None:
    policy, batch = random_batch()
    for name in ("ref_logp", "old_logp"):
        lacking = replace(batch, **{name: None})  # type: ignore[arg-type]
        if name in objective.requires:
            with pytest.raises(ValueError, match=name):
                objective.loss(policy, lacking)
        else:
            assert torch.equal(objective.loss(policy, lacking).loss, objective.loss(policy, batch).loss)


@every_objective
def test_zero_advantages_stay_in_the_denominator(objective: Objective) -> None:
    """Twice the step, the other half elsewhere: this half's gradient is halved."""
    policy, batch = random_batch()
    _, gradient = loss_and_gradient(objective, policy, batch, policy.logp)
    count = batch.denominators
    doubled = replace(count, sequences=2 * count.sequences, tokens=2 * count.tokens, groups=2 * count.groups)
    _, halved = loss_and_gradient(objective, policy, replace(batch, denominators=doubled), policy.logp)
    assert_exact(2 * halved, gradient)
