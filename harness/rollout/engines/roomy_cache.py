"""A KV cache with spare room: new tokens are written behind the others, instead of copying everything."""

from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer, LinearAttentionCacheLayerMixin

ROOM = 8
"""One position is reserved per this many written ones. Larger gaps between rows would cost more than rare copies."""


def roomy_cache(config: Any) -> DynamicCache:
    """An empty cache for a model with this config. Layers with a sliding window are unchanged."""
    cache = DynamicCache(config=config)
    cache.layers = [RoomyLayer() if type(layer) is DynamicLayer else layer for layer in cache.layers]
    return cache


def keeps_all(cache: DynamicCache) -> bool:
    """Whether no layer forgets positions."""
    return all(type(layer) is RoomyLayer for layer in cache.layers)


def repeat_rows(cache: DynamicCache, repeats: int, rows: Tensor) -> None:
    """Repeat each row ``repeats`` times. ``rows``: the source of each new row."""
    for layer in cache.layers:
        if isinstance(layer, LinearAttentionCacheLayerMixin):  # has other states than keys, which other methods ignore
            layer.reorder_cache(rows)
        else:
            layer.batch_repeat_interleave(repeats)


def select_rows(cache: DynamicCache, rows: Tensor) -> None:
    """Keep only these rows, in this order."""
    for layer in cache.layers:
        if isinstance(layer, LinearAttentionCacheLayerMixin):
            layer.reorder_cache(rows)
        else:
            layer.batch_select_indices(rows)


class RoomyLayer(DynamicLayer):  # type: ignore[misc]
    """A layer whose ``keys`` and ``values`` are views of the written part of larger buffers.

    When rows are selected, those that keep their position are not copied.
    """

    _held: tuple[Tensor, Tensor] | None = None

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        if not self.is_initialized:  # prompts or their beginning, which are repeated before the next pass
            keys_and_values: tuple[Tensor, Tensor] = super().update(key_states, value_states, *args, **kwargs)
            return keys_and_values
        start = self.get_seq_length()
        end = start + key_states.shape[-2]
        if self._held is None or self._held[0].shape[-2] < end:
            size = end + max(1, end // ROOM)
            self._held = (_enlarged(self.keys, key_states, size), _enlarged(self.values, value_states, size))
        for held, new in zip(self._held, (key_states, value_states), strict=True):
            held[..., start:end, :] = new
        self._show(end)
        return self.keys, self.values

    def batch_repeat_interleave(self, repeats: int) -> None:
        super().batch_repeat_interleave(repeats)
        self._held = None

    def batch_select_indices(self, indices: Tensor) -> None:
        if self._held is None:
            super().batch_select_indices(indices)
            return
        length = self.get_seq_length()
        moved = (indices != torch.arange(len(indices), device=indices.device)).nonzero().squeeze(-1)
        for held in self._held:
            held[moved] = held[indices[moved]]
        self._held = (self._held[0][: len(indices)], self._held[1][: len(indices)])
        self._show(length)

    def _show(self, length: int) -> None:
        assert self._held is not None
        self.keys, self.values = (held[..., :length, :] for held in self._held)


def _enlarged(old: Tensor, new: Tensor, size: int) -> Tensor:
    """A tensor like ``new`` with ``size`` positions, that starts with ``old``."""
    made = torch.empty(*new.shape[:-2], size, new.shape[-1], dtype=new.dtype, device=new.device)
    if old.numel():
        made[..., : old.shape[-2], :] = old
    return made
