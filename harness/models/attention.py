"""Attention on a CPU. Heads that share keys are computed together: transformers would copy the keys for each head.

In float32, plain matrix products are faster than the fused kernel if there are few scores. In bfloat16 they would round
the scores, so the kernel computes all of them.
"""

from typing import Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

TOGETHER = "heads_together"
"""The name for ``set_attn_implementation``, instead of ``sdpa``, on a CPU."""
SCORES = 1 << 19
"""With more scores, the fused kernel is used, which does not keep them for the backward pass. In float32, single tokens
never use it."""


def attend(
    module: nn.Module, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None, **options: Any
) -> tuple[Tensor, None]:
    """Attention outputs [R, s, heads, V], contiguous like those of the kernel.

    Shapes: query [R, heads, s, D], key [R, key heads, K, D], value [R, key heads, K, V], and mask [R or 1, 1, s, K],
    which is true on visible positions.
    """
    rows, heads, asked, width = query.shape
    groups, places = key.shape[1:3]
    special = options.get("position_bias") is not None or options.get("dropout")
    added = attention_mask is not None and attention_mask.dtype is not torch.bool  # added to the scores
    usual = not special and not added
    few = asked == 1 or (attention_mask is not None and rows * heads * asked * places <= SCORES)
    # The mask is repeated for each head of a group. On long texts it is larger than copies of keys and values.
    smaller = heads > groups and asked * (heads // groups) <= 2 * heads * width
    scale = options.get("scaling") or width**-0.5
    if usual and few and query.dtype is torch.float32 and not torch.is_autocast_enabled(query.device.type):
        mixed = _by_products(query, key, value, attention_mask, scale)
    elif usual and smaller and attention_mask is not None and attention_mask.shape[1] == 1:
        mixed = _by_kernel(query, key, value, attention_mask, scale)
    else:
        found: tuple[Tensor, None] = sdpa_attention_forward(module, query, key, value, attention_mask, **options)
        return found
    return mixed.view(rows, heads, asked, value.shape[-1]).transpose(1, 2).contiguous(), None


def _by_products(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, scale: float) -> Tensor:
    """Outputs [R, key heads, queries of all heads that share keys, V]."""
    rows, heads, asked, width = query.shape
    groups, places = key.shape[1:3]
    scores = (query.reshape(rows, groups, -1, width) @ key.transpose(-1, -2) * scale).view(rows, heads, asked, places)
    if mask is not None:  # the lowest number instead of -inf, because padding sees no position
        scores = torch.where(mask, scores, torch.finfo(scores.dtype).min)
    return scores.softmax(-1).view(rows, groups, -1, places) @ value


def _by_kernel(query: Tensor, key: Tensor, value: Tensor, mask: Tensor, scale: float) -> Tensor:
    """The same. To the kernel, the queries of all heads that share keys are those of one head with more tokens."""
    rows, heads, asked, width = query.shape
    groups, places = key.shape[1:3]
    each = mask.expand(-1, -1, asked, places).repeat(1, 1, heads // groups, 1)
    return nn.functional.scaled_dot_product_attention(
        query.reshape(rows, groups, -1, width), key, value, attn_mask=each, scale=scale
    )


AttentionInterface.register(TOGETHER, attend)
AttentionMaskInterface.register(TOGETHER, sdpa_mask)
