"""Passes without padding: all sequences stand one after the other in a single row, for which GPUs have a kernel."""

from collections.abc import Callable
from functools import cache
from inspect import signature
from typing import Any

import torch
from torch import Tensor
from transformers import AttentionInterface, DynamicCache
from transformers.cache_utils import DynamicLayer

from harness.models.recomputing import Attention
from harness.models.sequences import Sequences

PACKED = "packed"
"""The name of this attention in transformers. It is only in effect during packed passes."""
CAUSAL = (-1, 0)
"""A window of ``varlen_attn``. The last query of a sequence sees all its keys, the query before it all but the last."""
UNKNOWN = ("softcap", "s_aux", "position_bias", "block_indices")
"""Options of transformers' attention that the kernel does not have."""


def packed_states(decoder: Any, sequences: Sequences, wanted: Tensor) -> Tensor:
    """Hidden states [N, H] before wanted tokens, see :func:`harness.models.hidden.hidden_states`.

    There are two passes: one over each prompt once, and one over the completions.
    """
    lengths, of = sequences.prompt_lengths, sequences.prompt_of
    tokens = wanted.sum(-1) - 1  # the last wanted state comes from the token before
    cache = DynamicCache(config=decoder.config)
    prompts = _pass(decoder, _row(sequences.prompts, lengths), lengths, lengths, cache)
    ends = prompts[lengths.cumsum(0) - 1]
    if not tokens.any():
        return ends[of]
    rows = tokens.nonzero().squeeze(1)  # the kernel is not asked about empty sequences
    before, own = lengths[of[rows]], tokens[rows]
    keys = _alternating(_starts(lengths)[of[rows]], before, len(prompts) + _starts(own), own)
    joined = DynamicCache()
    joined.layers = [_Joined(layer, keys) for layer in cache.layers]
    completions = _pass(decoder, _row(sequences.completions, tokens), own, before + own, joined)
    order = _alternating(of, torch.ones_like(of), len(ends) + _starts(tokens), tokens)
    return torch.cat([ends, completions])[order]


def packed_whole_states(decoder: Any, sequences: Sequences, wanted: Tensor) -> Tensor:
    """As :func:`packed_states`, but in one pass over each completion behind a copy of its prompt."""
    before, own = sequences.prompt_lengths[sequences.prompt_of], wanted.sum(-1) - 1
    total = before + own
    hidden = _pass(decoder, _row(sequences.joined(), total), total, total, None)
    return hidden[_ranges(_starts(total) + before - 1, own + 1)]


def _pass(decoder: Any, ids: Tensor, own: Tensor, seen: Tensor, cache: DynamicCache | None) -> Tensor:
    """Hidden states [N, H] of ids [N] in sequences.

    Args:
        own: [S] the number of ids of each sequence
        seen: [S] the number of keys of each sequence; those of its own ids are the last
    """
    ends = {"cu_seq_lens_q": _bounds(own), "cu_seq_lens_k": _bounds(seen)}
    longest = {"max_length_q": int(own.max()), "max_length_k": int(seen.max())}
    with Attention(decoder.config, PACKED):  # which has no entry for masks, so none is made
        hidden: Tensor = decoder(
            input_ids=ids[None],
            position_ids=_ranges(seen - own, own)[None],
            past_key_values=cache,
            use_cache=cache is not None,
            **ends,
            **longest,
        ).last_hidden_state
    return hidden[0]


class _Joined(DynamicLayer):  # type: ignore[misc]  # transformers has no types
    """The keys and values of prompts, and those of completions behind them, sequence by sequence."""

    def __init__(self, prompts: Any, order: Tensor) -> None:
        super().__init__()
        self._prompts, self._order = prompts, order

    def update(self, key_states: Tensor, value_states: Tensor, *_: Any, **__: Any) -> tuple[Tensor, Tensor]:
        """Shapes: [1, heads, completions' tokens, D] -> [1, heads, keys, D]."""
        return self._join(self._prompts.keys, key_states), self._join(self._prompts.values, value_states)

    def _join(self, prompts: Tensor, completions: Tensor) -> Tensor:
        return torch.cat([prompts, completions], 2)[:, :, self._order]


def attend_packed(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    cu_seq_lens_q: Tensor,
    cu_seq_lens_k: Tensor,
    max_length_q: int,
    max_length_k: int,
    scaling: float | None = None,
    **options: Any,
) -> tuple[Tensor, None]:
    """Attention outputs [1, N, heads, D] of queries [1, heads, N, D] and keys and values [1, key heads, K, D].

    Raises:
        Exception: torch has no such kernel, or not for these shapes. A trial of the model finds that.
    """
    from torch.nn.attention.varlen import varlen_attn  # an old torch lacks it, and pads

    if lacking := [name for name in UNKNOWN if options.get(name) is not None]:
        raise NotImplementedError(f"attention without padding has no {', '.join(lacking)}")
    low = torch.get_autocast_dtype(query.device.type) if torch.is_autocast_enabled(query.device.type) else query.dtype
    queries, keys, values = (states[0].transpose(0, 1).to(low) for states in (query, key, value))
    grouped = key.shape[1] != query.shape[1] and _asks_about_groups(varlen_attn)
    option: dict[str, Any] = {"enable_gqa": True} if grouped else {}
    found: Any = varlen_attn(
        queries,
        keys,
        values,
        cu_seq_lens_q,
        cu_seq_lens_k,
        max_length_q,
        max_length_k,
        scale=scaling,
        window_size=CAUSAL,
        **option,
    )
    return found[None], None


AttentionInterface.register(PACKED, attend_packed)


@cache
def _asks_about_groups(kernel: Callable[..., Any]) -> bool:
    """Whether queries that share keys need an option. Torch 2.11 lacks it, and takes them without it."""
    return "enable_gqa" in signature(kernel).parameters


def _row(padded: Tensor, lengths: Tensor) -> Tensor:
    """The first elements [N] of each row of ``padded`` [B, T], by lengths [B]."""
    return padded[torch.arange(padded.shape[1], device=padded.device) < lengths[:, None]]


def _bounds(lengths: Tensor) -> Tensor:
    """[S + 1] where each sequence begins, and where the last one ends."""
    return torch.nn.functional.pad(lengths.cumsum(0), (1, 0)).int()


def _starts(lengths: Tensor) -> Tensor:
    """[S] where each sequence begins."""
    return lengths.cumsum(0) - lengths


def _ranges(first: Tensor, counts: Tensor) -> Tensor:
    """[N] ``first, first + 1, ...`` of each sequence, one after the other."""
    shift = (first - _starts(counts)).repeat_interleave(counts)
    return torch.arange(len(shift), device=shift.device) + shift


def _alternating(first: Tensor, counts: Tensor, second: Tensor, others: Tensor) -> Tensor:
    """[N] a range of the first kind and one of the second, for each sequence."""
    return _ranges(torch.stack([first, second], 1).flatten(), torch.stack([counts, others], 1).flatten())
