"""Attention with plain matrix products. On a CPU this is faster than the fused kernel if there are few scores.

It is for float32, because plain products would round scores in bfloat16. Heads that share keys are computed together,
so that keys are not copied.
"""

from typing import Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

PLAIN = "plain_or_sdpa"
"""The name for ``set_attn_implementation``, instead of ``sdpa``, on a CPU in float32."""
SCORES = 1 << 19
"""With more scores, the fused kernel is used, which does not keep them for the backward pass. Single tokens never use
it."""


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
    if special or added or (asked > 1 and (attention_mask is None or rows * heads * asked * places > SCORES)):
        found: tuple[Tensor, None] = sdpa_attention_forward(module, query, key, value, attention_mask, **options)
        return found
    scale = options.get("scaling") or width**-0.5
    scores = (query.reshape(rows, groups, -1, width) @ key.transpose(-1, -2) * scale).view(rows, heads, asked, places)
    if attention_mask is not None:  # the lowest number instead of -inf, because padding sees no position
        scores = torch.where(attention_mask, scores, torch.finfo(scores.dtype).min)
    mixed = scores.softmax(-1).view(rows, groups, -1, places) @ value
    return mixed.view(rows, heads, asked, value.shape[-1]).transpose(1, 2).contiguous(), None


AttentionInterface.register(PLAIN, attend)
AttentionMaskInterface.register(PLAIN, sdpa_mask)
