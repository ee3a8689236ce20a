"""Optimism is an exact recursion, takes the memory that the plan states, and resumes bit for bit."""

from pathlib import Path
from typing import Any

import pytest
import torch

from harness.models.loading import load_policy
from harness.studies.planning.memory import memory_of
from harness.studies.planning.parts import bytes_of, parts_of
from harness.training.optimism import PREVIOUS, extrapolate, remember
from harness.training.optimizer import make_optimizer
from tests.support.small import run_small, small_config, steps

KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "all weights": ("agro", {}),
    "adapters, a critic, moments in 8 bit": ("ppo", {"policy__lora": {"rank": 4}, "optimizer__kind": "adamw_8bit"}),
}


def course(make: Any, optimism: float, gradient: Any, count: int, max_norm: float = 1e9) -> list[torch.Tensor]:
    """A parameter after each of ``count`` steps from 1 and from -2."""
    parameter = torch.nn.Parameter(torch.tensor([1.0, -2.0], dtype=torch.float64))
    optimizer = make([parameter])
    found = []
    for step in range(count):
        parameter.grad = gradient(parameter.detach(), step)
        plain = extrapolate(optimizer, optimism)
        torch.nn.utils.clip_grad_norm_([parameter], max_norm)
        optimizer.step()
        remember(optimizer, plain)
        optimizer.zero_grad()
        found.append(parameter.detach().clone())
    return found


def sgd(parameters: Any) -> torch.optim.Optimizer:
    return torch.optim.SGD(parameters, lr=0.1)


@pytest.mark.parametrize("optimism", [0.0, 0.3, 1.0])
def test_on_a_parabola_it_is_the_exact_recursion(optimism: float) -> None:
    """``x_{t+1} = x_t - lr a (x_t + optimism (x_t - x_{t-1}))`` for a slope of ``a x``, with ``x_{-1} = x_0``."""
    a, before = 1.7, torch.tensor([1.0, -2.0], dtype=torch.float64)
    now = before
    for reached in course(sgd, optimism, lambda x, _: a * x, 12):
        before, now = now, now - 0.1 * a * (now + optimism * (now - before))
        torch.testing.assert_close(reached, now, rtol=1e-12, atol=0)


def test_without_optimism_nothing_changes_by_a_bit() -> None:
    def adam(parameters: Any) -> torch.optim.Optimizer:
        return torch.optim.AdamW(parameters, lr=0.1)

    def noisy(_: torch.Tensor, step: int) -> torch.Tensor:
        return torch.randn(2, generator=torch.Generator().manual_seed(step), dtype=torch.float64)

    with_none = course(adam, 0.0, noisy, 5)
    parameter = torch.nn.Parameter(torch.tensor([1.0, -2.0], dtype=torch.float64))
    optimizer = adam([parameter])
    for step, reached in enumerate(with_none):
        parameter.grad = noisy(parameter, step)
        optimizer.step()
        assert torch.equal(parameter, reached)
    assert not torch.equal(course(adam, 0.5, noisy, 5)[-1], with_none[-1])


def test_what_is_remembered_is_the_gradient_before_it_was_clipped() -> None:
    """A slope of 3, then of 5. Both are clipped to 1. Before clipping, the second step is 5 + 0.5 (5 - 3)."""
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = sgd([parameter])
    for slope, expected in ((3.0, 3.0), (5.0, 6.0)):
        parameter.grad = torch.tensor([slope])
        plain = extrapolate(optimizer, 0.5)
        assert parameter.grad is not None
        assert torch.nn.utils.clip_grad_norm_([parameter], 1.0) == expected
        optimizer.step()
        remember(optimizer, plain)
        assert optimizer.state[parameter][PREVIOUS] == slope


def test_a_run_without_it_keeps_its_id() -> None:
    plain, zero, half = (small_config(**changes) for changes in ({}, *({"optimizer__optimism": x} for x in (0.0, 0.5))))
    assert plain.run_id == zero.run_id != half.run_id


@pytest.mark.parametrize("kind", KINDS)
def test_the_plan_states_its_memory(kind: str) -> None:
    _, changes = KINDS[kind]
    config = small_config("agro", **changes, optimizer__optimism=0.5)
    planned = memory_of(config, parts_of(config)).items["previous gradients"]
    policy = load_policy(config.model, 1.0, config.policy)
    optimizer = make_optimizer(config.optimizer, {"policy": policy.model})
    for _ in range(2):
        for parameter in optimizer.param_groups[0]["params"]:
            parameter.grad = torch.randn_like(parameter)
        plain = extrapolate(optimizer, 0.5)
        held = bytes_of(p.grad for p in plain if p.grad is not None) + bytes_of(plain.values())
        held += bytes_of(state[PREVIOUS] for state in optimizer.state.values() if PREVIOUS in state)
        assert held == 2 * planned.size  # the gradients of the step are a separate item
        optimizer.step()
        remember(optimizer, plain)
    assert bytes_of(state[PREVIOUS] for state in optimizer.state.values()) == planned.size
    without = small_config("agro", **changes)
    assert memory_of(without, parts_of(without)).items["previous gradients"].size == 0


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_left_at_any_step_goes_on_as_if_nothing_had_happened(kind: str, tmp_path: Path) -> None:
    objective, changes = KINDS[kind]
    config = small_config(objective, **changes, optimizer__optimism=0.5, evaluation__shares=[0.3, 0.7])
    run_small(config, tmp_path / "whole")
    for patience in (3, 2):
        left = iter(range(patience))
        run_small(config, tmp_path / "torn", should_stop=lambda left=left: next(left, None) is None)
    assert run_small(config, tmp_path / "torn") == "finished"
    assert steps(tmp_path / "torn") == steps(tmp_path / "whole")
