"""Layers that keep the results of their matrix products. Every family of models is tried in test_families.py."""

from collections import Counter
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from harness.config.settings import ModelSettings, PolicySettings
from harness.models.loading import load_policy
from harness.models.selective import ATTENTION, PRODUCTS, keeping_products
from harness.models.sequences import Sequences

PAIRS = [((4, 13, 5, 14), (2, 9, 1)), ((4, 13, 5, 14), (6, 13, 3, 14)), ((3, 13, 3, 13, 3, 14), (6, 13, 3, 14, 9))]


class Layer(nn.Module):
    """Two linear layers with something in between."""

    def __init__(self, between: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second = nn.Linear(3, 4), nn.Linear(4, 2)
        self.between = between

    def forward(self, given: Tensor) -> Tensor:
        found: Tensor = self.second(self.between(self.first(given)))
        return found


class Products(TorchDispatchMode):
    """Counts products in all passes."""

    def __init__(self) -> None:
        super().__init__()
        self.count: Counter[str] = Counter()

    def __torch_dispatch__(self, operation: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if operation in PRODUCTS or operation in ATTENTION:
            self.count[str(operation)] += 1
        return operation(*args, **(kwargs or {}))


def compute(layer: Layer) -> Tensor:
    with keeping_products(layer, nullcontext):
        found: Tensor = layer(torch.ones(5, 3, requires_grad=True))
    assert "forward" not in vars(layer)
    return found


def test_no_product_is_computed_twice() -> None:
    counts = []
    for how in (False, "selective", True):
        policy = load_policy(
            ModelSettings(path="embedded:tiny-arithmetic", device="cpu", dtype="float32"),
            1.0,
            PolicySettings.model_validate({"gradient_checkpointing": how}),
        )
        policy.layout = "whole"
        with Products() as products:
            policy.logp(Sequences.of(PAIRS)).sum().backward()
        counts.append(products.count)
    plain, selective, recomputed = counts
    assert selective == plain
    assert recomputed.total() > plain.total()


def test_a_second_backward_pass_has_the_same_gradients() -> None:
    layer = Layer(torch.tanh)
    found = compute(layer).sum()
    gradients = [torch.autograd.grad(found, list(layer.parameters()), retain_graph=True) for _ in range(2)]
    expected = torch.autograd.grad(layer(torch.ones(5, 3)).sum(), list(layer.parameters()))
    for each in gradients:
        for one, other in zip(each, expected, strict=True):
            assert torch.equal(one, other)


def test_a_layer_that_changes_a_result_in_place_is_refused() -> None:
    found = compute(Layer(lambda products: products.mul_(2.0).tanh()))
    with pytest.raises(RuntimeError, match="changes results in place"):
        found.sum().backward()


def test_a_layer_that_computes_something_else_the_second_time_is_refused() -> None:
    times: list[int] = []

    def between(products: Tensor) -> Tensor:
        times.append(1)
        return (products @ products.T @ products if len(times) == 1 else products).tanh()

    layer = Layer(between)
    found = compute(layer)
    with pytest.raises(RuntimeError):
        found.sum().backward()
