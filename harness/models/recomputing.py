"""Layers that are computed again in the backward pass, which saves memory (gradient checkpointing)."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from functools import partial
from typing import Any

import torch
from torch import nn
from transformers.modeling_layers import GradientCheckpointingLayer


def recompute_layers(model: Any) -> None:
    """Switch this on for all layers of a model."""
    contexts = partial(_as_before, model.config.get_text_config())
    model.gradient_checkpointing_enable({"use_reentrant": False, "context_fn": contexts})


def recomputed(decoder: nn.Module) -> list[nn.Module]:
    """The layers for which this is on."""
    return [m for m in decoder.modules() if isinstance(m, GradientCheckpointingLayer) and m.gradient_checkpointing]


@contextmanager
def recomputing(decoder: nn.Module) -> Iterator[None]:
    """A context for a pass.

    In transformers, checkpointing needs training mode, which would also switch on dropout. So a layer is in training
    mode only until its computation begins.
    """
    with ExitStack() as stack:
        for layer in recomputed(decoder) if torch.is_grad_enabled() else []:
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
    return nullcontext(), Attention(config, config._attn_implementation)


def _ends_training(layer: nn.Module, _: Any) -> None:
    layer.training = False


def _begins_training(layer: nn.Module, *_: Any) -> None:
    layer.training = True
