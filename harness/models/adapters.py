"""Low-rank adapters in a model, by PEFT: put in, switched off for the reference, merged on the way elsewhere."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from peft import LoraConfig, inject_adapter_in_model
from peft.tuners.lora import LoraLayer
from torch import Tensor, nn

from harness.config.settings import LoraSettings

NAME = "default"
START_SEED = 0
"""Adapters start the same in every run, as the weights do; their product starts at zero."""


def add_adapters(model: nn.Module, settings: LoraSettings) -> None:
    """Adapters in float32 in every linear layer but the output layer; all other weights are frozen."""
    config = LoraConfig(r=settings.rank, lora_alpha=settings.alpha, target_modules="all-linear", lora_dropout=0.0)
    with torch.random.fork_rng():
        torch.manual_seed(START_SEED)
        inject_adapter_in_model(config, model, adapter_name=NAME)
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()


def has_adapters(model: nn.Module) -> bool:
    return any(isinstance(layer, LoraLayer) for layer in model.modules())


@contextmanager
def adapters_off(model: nn.Module) -> Iterator[None]:
    """The base alone, exactly."""
    layers = [layer for layer in model.modules() if isinstance(layer, LoraLayer)]
    for layer in layers:
        layer.enable_adapters(False)
    try:
        yield
    finally:
        for layer in layers:
            layer.enable_adapters(True)


def plain_weights(model: nn.Module, *, merged: bool) -> Iterator[tuple[str, Tensor]]:
    """The state dict of a model without adapters: the base alone, or with each merged into it in float32 on the way."""
    layers = {name: layer for name, layer in model.named_modules() if isinstance(layer, LoraLayer)}
    for name, tensor in model.state_dict().items():
        owner, inside, last = name.rpartition(".base_layer.")
        if inside:
            adds = merged and last == "weight"
            yield f"{owner}.{last}", tensor.float() + layers[owner].get_delta_weight(NAME) if adds else tensor
        elif ".lora_" not in name:
            yield name, tensor
