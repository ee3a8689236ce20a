"""Low-rank adapters with PEFT: adding them, switching them off for the reference, and merging them for export."""

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from harness.config.settings import LoraSettings
from harness.models.parallel import made_whole, whole

if TYPE_CHECKING:
    from peft.tuners.lora import LoraLayer

NAME = "default"
START_SEED = 0
"""Adapters start the same in every run, like the weights. Their product starts at zero."""


def add_adapters(model: nn.Module, settings: LoraSettings) -> None:
    """Add adapters in float32 to every linear layer except the output layer, and freeze all other weights."""
    from peft import LoraConfig, inject_adapter_in_model  # a second of imports, and only adapters need it

    config = LoraConfig(r=settings.rank, lora_alpha=settings.alpha, target_modules="all-linear", lora_dropout=0.0)
    with torch.random.fork_rng(), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a warning of PEFT about its own patterns for experts
        torch.manual_seed(START_SEED)
        inject_adapter_in_model(config, model, adapter_name=NAME)
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()


def has_adapters(model: nn.Module) -> bool:
    return bool(_adapters_in(model))


def _adapters_in(model: nn.Module) -> "dict[str, LoraLayer]":
    """The layers with an adapter, by name. There are none if PEFT was never imported."""
    if "peft" not in sys.modules:
        return {}
    from peft.tuners.lora import LoraLayer

    return {name: layer for name, layer in model.named_modules() if isinstance(layer, LoraLayer)}


@contextmanager
def adapters_off(model: nn.Module) -> Iterator[None]:
    """A context in which the model is exactly its base, without adapters."""
    layers = _adapters_in(model).values()
    for layer in layers:
        layer.enable_adapters(False)
    try:
        yield
    finally:
        for layer in layers:
            layer.enable_adapters(True)


def plain_weights(model: nn.Module, *, merged: bool) -> Iterator[tuple[str, Tensor]]:
    """The state dict of a model without adapters: only the base, or with each adapter merged into it in float32."""
    adapters = {_adapted(name, layer): layer for name, layer in _adapters_in(model).items()}
    for name, tensor in model.state_dict().items():
        plain = _plain(name)
        if plain in adapters:
            yield plain, whole(tensor).float() + _product(adapters[plain]) if merged else tensor
        elif ".lora_" not in name:
            yield plain, tensor


def _product(layer: "LoraLayer") -> Tensor:
    """The matrix that an adapter adds to the weight of its layer."""
    with made_whole(layer.lora_A), made_whole(layer.lora_B):
        product: Tensor = layer.get_delta_weight(NAME)
    return product


def plain_like(model: Any) -> Any:
    """A model of the same class and shape, without weights or adapters."""
    with torch.device("meta"):
        return type(model)(model.config)


@contextmanager
def idle_adapters(model: nn.Module) -> Iterator[list[str]]:
    """A context that finds idle adapters. At its end, the list has the names of their layers.

    An adapter is idle if passes call a module that contains its layer, but not the layer itself. The module then uses
    the weight directly, without the adapter.
    """
    layers = _adapters_in(model)
    parents = {name: model.get_submodule(name.rpartition(".")[0]) for name in layers}
    called: set[int] = set()
    hooks = [
        module.register_forward_pre_hook(lambda module, given: called.add(id(module)))
        for module in {*layers.values(), *parents.values()}
    ]
    idle: list[str] = []
    try:
        yield idle
    finally:
        for hook in hooks:
            hook.remove()
    idle += [name for name, layer in layers.items() if id(layer) not in called and id(parents[name]) in called]


def lacking(model: nn.Module, plain: nn.Module) -> list[str]:
    """Names of weights that differ between :func:`plain_weights` of ``model`` and ``plain``, without computing them.

    ``plain``: the same model without adapters. Weights differ if they are missing, superfluous or of another shape.
    """
    found = {_plain(name): tensor.shape for name, tensor in model.state_dict().items() if ".lora_" not in name}
    wanted = {name: tensor.shape for name, tensor in plain.state_dict().items()}
    adapted = {_adapted(name, layer) for name, layer in _adapters_in(model).items()}
    return sorted(name for name, _ in found.items() ^ wanted.items()) + sorted(adapted - set(wanted))


def _plain(name: str) -> str:
    """The name of a weight or layer without adapters. Experts have several nested adapters."""
    return name.replace(".base_layer", "")


def _adapted(name: str, layer: "LoraLayer") -> str:
    """The plain name of the weight that the adapter of a layer modifies."""
    return f"{_plain(name)}.{getattr(layer, 'parameter_name', 'weight')}"
