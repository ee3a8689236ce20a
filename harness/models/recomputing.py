"""Layers that are computed again in the backward pass, which saves memory (gradient checkpointing)."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import Any

import torch
from torch import nn
from transformers.modeling_layers import GradientCheckpointingLayer


def recompute_layers(model: Any) -> None:
    """Switch this on for all layers of a model."""
    model.gradient_checkpointing_enable(
        {"use_reentrant": False, "context_fn": partial(_as_before, model.config.get_text_config())}
    )


def recomputed(decoder: nn.Module) -> list[nn.Module]:
    """The layers for which this is on."""
    return [m for m in decoder.modules() if isinstance(m, GradientCheckpointingLayer) and m.gradient_checkpointing]


@contextmanager
def recomputing(decoder: nn.Module) -> Iterator[None]:
    """A context for a pass.

    In transformers, checkpointing needs training mode. Only the flag of the layers is set, and not that of their parts,
    so that dropout stays off.
    """
    layers = recomputed(decoder) if torch.is_grad_enabled() else []
    for layer in layers:
        layer.training = True
    try:
        yield
    finally:
        for layer in layers:
            layer.training = False


@contextmanager
def attention(config: Any, name: str) -> Iterator[None]:
    """A context in which a model with this config uses another implementation of attention."""
    usual = config._attn_implementation
    config._attn_implementation = name
    try:
        yield
    finally:
        config._attn_implementation = usual


def _as_before(config: Any) -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
    """The contexts of a layer's first and second computation. Both use the same attention."""
    return nullcontext(), attention(config, config._attn_implementation)
