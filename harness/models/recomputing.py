"""Layers that are computed again in the backward pass, which saves memory (gradient checkpointing)."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from functools import partial
from typing import Any, Literal

import torch
from torch import nn
from transformers.modeling_layers import GradientCheckpointingLayer

from harness.errors import HarnessError
from harness.models.parallel import layers_of
from harness.models.selective import keeping_products

MARK = "keeps_products"
"""The attribute of layers of which only a part is computed again."""


def recompute_layers(model: Any, how: Literal[True, "selective"]) -> None:
    """Switch this on for all layers of a model.

    Only outermost layers are switched on. When the backward pass computes one again, those inside it must be usual.

    Raises:
        HarnessError: transformers marks no layers of the model for this.
    """
    layers = layers_of(model)
    if not layers:
        raise HarnessError(
            f"{type(model).__name__} has no layers that can be computed again; set policy.gradient_checkpointing=false"
        )
    if how == "selective":
        for layer in layers:
            setattr(layer, MARK, True)
    else:
        contexts = partial(_as_before, model.config.get_text_config())
        model.gradient_checkpointing_enable({"use_reentrant": False, "context_fn": contexts})
        for module in model.modules():
            if isinstance(module, GradientCheckpointingLayer):
                module.gradient_checkpointing = module in layers


def recomputed(decoder: nn.Module) -> list[nn.Module]:
    """The layers that are computed again as a whole."""
    return [m for m in decoder.modules() if isinstance(m, GradientCheckpointingLayer) and m.gradient_checkpointing]


def partly_recomputed(decoder: nn.Module) -> list[nn.Module]:
    """The layers of which only a part is computed again."""
    return [module for module in decoder.modules() if getattr(module, MARK, False)]


@contextmanager
def nothing_recomputed(model: nn.Module) -> Iterator[None]:
    """A context in which all layers keep their activations."""
    with ExitStack() as stack:
        for name, layers in ((MARK, partly_recomputed(model)), ("gradient_checkpointing", recomputed(model))):
            for layer in layers:
                stack.callback(setattr, layer, name, True)
                setattr(layer, name, False)
        yield


@contextmanager
def recomputing(decoder: nn.Module) -> Iterator[None]:
    """A context for passes.

    In transformers, checkpointing needs training mode, which would also switch on dropout. So a layer is in training
    mode only until its computation begins.
    """
    with ExitStack() as stack:
        if torch.is_grad_enabled():
            for layer in partly_recomputed(decoder):
                stack.enter_context(keeping_products(layer, partial(_attention_of, decoder.config)))
            for layer in recomputed(decoder):
                stack.callback(setattr, layer, "training", False)
                layer.training = True
                stack.callback(layer.register_forward_pre_hook(_ends_training).remove)
                stack.callback(layer.register_forward_hook(_begins_training).remove)
        yield


class Attention(AbstractContextManager[None]):
    """A context in which a model with this config uses another implementation of attention. It can be used again."""

    def __init__(self, config: Any, name: str) -> None:
        self._config, self._name = config, name

    def __enter__(self) -> None:
        self._usual = self._config._attn_implementation
        self._config._attn_implementation = self._name

    def __exit__(self, *_: object) -> None:
        self._config._attn_implementation = self._usual


def _as_before(config: Any) -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
    """The contexts of a layer's first and second computation. Both use the same attention."""
    return nullcontext(), _attention_of(config)


def _attention_of(config: Any) -> Attention:
    """The attention that is now in use."""
    return Attention(config, config._attn_implementation)


def _ends_training(layer: nn.Module, _: Any) -> None:
    layer.training = False


def _begins_training(layer: nn.Module, *_: Any) -> None:
    layer.training = True
