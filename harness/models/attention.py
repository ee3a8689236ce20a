"""Attention by plain products, which on a CPU take less time than the fused kernel while scores are few.

In float32: products round their scores in bfloat16. Heads that share keys ask together, so that no keys are copied.
"""

from typing import Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

PLAIN = "plain_or_sdpa"
"""For ``set_attn_implementation``, in place of ``sdpa``, on a CPU in float32."""
SCORES = 1 << 19
"""More of them are left to the kernel, which does not keep them for the backward pass; single tokens never are."""


def attend(
    module: nn.Module, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None, **options: Any
) -> tuple[Tensor, None]:
    """query [R, heads, s, D], key [R, heads that have keys, K, D], value [R, heads that have keys, K, V], mask
    [R or 1, 1, s, K], true on what is seen -> [R, s, heads, V], contiguous, as the kernel's is.
    """
    rows, heads, asked, width = query.shape
    groups, places = key.shape[1:3]
    special = options.get("position_bias") is not None or options.get("dropout")
    added = attention_mask is not None and attention_mask.dtype is not torch.bool  # to the scores
    if special or added or (asked > 1 and (attention_mask is None or rows * heads * asked * places > SCORES)):
        found: tuple[Tensor, None] = sdpa_attention_forward(module, query, key, value, attention_mask, **options)
        return found
    scale = options.get("scaling") or width**-0.5
    scores = (query.reshape(rows, groups, -1, width) @ key.transpose(-1, -2) * scale).view(rows, heads, asked, places)
    if attention_mask is not None:  # the lowest number, as padding sees nothing at all
        scores = torch.where(attention_mask, scores, torch.finfo(scores.dtype).min)
    mixed = scores.softmax(-1).view(rows, groups, -1, places) @ value
    return mixed.view(rows, heads, asked, value.shape[-1]).transpose(1, 2).contiguous(), None


AttentionInterface.register(PLAIN, attend)
AttentionMaskInterface.register(PLAIN, sdpa_mask)
