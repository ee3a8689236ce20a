"""Low-rank adapters in a model, by PEFT: put in, switched off for the reference, merged on the way elsewhere."""

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
"""Adapters start the same in every run, as the weights do; their product starts at zero."""


def add_adapters(model: nn.Module, settings: LoraSettings) -> None:
    """Adapters in float32 in every linear layer but the output layer; all other weights are frozen."""
    from peft import LoraConfig, inject_adapter_in_model  # a second of imports, and only adapters need it

    config = LoraConfig(r=settings.rank, lora_alpha=settings.alpha, target_modules="all-linear", lora_dropout=0.0)
    with torch.random.fork_rng(), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of PEFT, about patterns of its own for experts
        torch.manual_seed(START_SEED)
        inject_adapter_in_model(config, model, adapter_name=NAME)
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()


def has_adapters(model: nn.Module) -> bool:
    return bool(_adapters_in(model))


def _adapters_in(model: nn.Module) -> "dict[str, LoraLayer]":
    """The layers that have an adapter, by name. Where PEFT was never imported, nothing has put any in."""
    if "peft" not in sys.modules:
        return {}
    from peft.tuners.lora import LoraLayer

    return {name: layer for name, layer in model.named_modules() if isinstance(layer, LoraLayer)}


@contextmanager
def adapters_off(model: nn.Module) -> Iterator[None]:
    """The base alone, exactly."""
    layers = _adapters_in(model).values()
    for layer in layers:
        layer.enable_adapters(False)
    try:
        yield
    finally:
        for layer in layers:
            layer.enable_adapters(True)


def plain_weights(model: nn.Module, *, merged: bool) -> Iterator[tuple[str, Tensor]]:
    """The state dict of a model without adapters: the base alone, or with each merged into it in float32 on the way."""
    adapters = {_adapted(name, layer): layer for name, layer in _adapters_in(model).items()}
    for name, tensor in model.state_dict().items():
        plain = _plain(name)
        if plain in adapters:
            yield plain, whole(tensor).float() + _product(adapters[plain]) if merged else tensor
        elif ".lora_" not in name:
            yield plain, tensor


def _product(layer: "LoraLayer") -> Tensor:
    """What the adapter adds to its layer's weight."""
    with made_whole(layer.lora_A), made_whole(layer.lora_B):
        product: Tensor = layer.get_delta_weight(NAME)
    return product


def plain_like(model: Any) -> Any:
    """A model of the same class and shape, without weights or adapters."""
    with torch.device("meta"):
        return type(model)(model.config)


@contextmanager
def idle_adapters(model: nn.Module) -> Iterator[list[str]]:
    """The names of layers with adapters that passes inside did not call, though they called the part that holds them.

    Such a part uses its layer's weight by itself, so that the adapter never acts. Filled in at the end.
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
    """Weights of ``plain``, the same model without adapters, that :func:`plain_weights` does not make of ``model``, and
    those that it makes besides or in another shape; no weight is computed.
    """
    found = {_plain(name): tensor.shape for name, tensor in model.state_dict().items() if ".lora_" not in name}
    wanted = {name: tensor.shape for name, tensor in plain.state_dict().items()}
    adapted = {_adapted(name, layer) for name, layer in _adapters_in(model).items()}
    return sorted(name for name, _ in found.items() ^ wanted.items()) + sorted(adapted - set(wanted))


def _plain(name: str) -> str:
    """Of a weight or layer, without adapters; experts have several adapters one around the other."""
    return name.replace(".base_layer", "")


def _adapted(name: str, layer: "LoraLayer") -> str:
    """The plain name of the weight that a layer's adapter adds to."""
    return f"{_plain(name)}.{getattr(layer, 'parameter_name', 'weight')}"
