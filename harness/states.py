"""A decoder's pass over completions: the hidden states from which their tokens are predicted."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer
from transformers.modeling_layers import GradientCheckpointingLayer

from harness.collate import Sequences

PASS_COSTS = 256
"""A pass through the layers takes about as long as this many tokens more in another."""


def states(decoder: Any, sequences: Sequences) -> tuple[Tensor, Tensor]:
    """Hidden states before each sampled token, [N, H] in the order of the mask, and behind the last, [B, H].

    A prompt passes once for all its completions, where the decoder allows that; the numbers differ by rounding alone.
    """
    shared = len(sequences.prompts) < len(sequences.completions) and _shares_prompts(decoder)
    return _shared(decoder, sequences) if shared else _whole(decoder, sequences)


def _shares_prompts(decoder: Any) -> bool:
    """Not where layers are computed again, nor where they attend to a window of places, which padding would shift.

    A property of the model alone: the reference must not pass otherwise than the policy.
    """
    cache = DynamicCache(config=decoder.config)
    return all(type(layer) is DynamicLayer for layer in cache.layers) and not _recomputed(decoder)


def _whole(decoder: Any, sequences: Sequences) -> tuple[Tensor, Tensor]:
    """Each completion with a copy of its prompt.

    Padding is on the right of a causal model, so real tokens never see it and no mask is needed.
    """
    hidden = pass_through(decoder, sequences.joined())
    first = sequences.prompt_lengths[sequences.prompt_of]
    rows, within = sequences.mask.nonzero(as_tuple=True)
    before = hidden[rows, first[rows] + within - 1]
    return before, hidden[torch.arange(len(first)), first + sequences.mask.sum(-1) - 1]


def _shared(decoder: Any, sequences: Sequences) -> tuple[Tensor, Tensor]:
    """Each prompt once; its keys and values are what its completions attend to."""
    cache = DynamicCache(config=decoder.config)
    prompts = decoder(input_ids=sequences.prompts, past_key_values=cache, use_cache=True).last_hidden_state
    ends = prompts[torch.arange(len(prompts)), sequences.prompt_lengths - 1]
    lengths = sequences.mask.sum(-1)
    parts = [torch.tensor(rows, device=lengths.device) for rows in alike(lengths.tolist())]
    passed = [_behind(decoder, cache, sequences, rows) for rows in parts]
    width = sequences.mask.shape[1]
    behind = torch.cat([nn.functional.pad(part, (0, 0, 0, width - part.shape[1])) for part in passed])
    hidden = torch.cat([ends[sequences.prompt_of, None], behind[torch.cat(parts).argsort()]], 1)
    return hidden[:, :-1][sequences.mask], hidden[torch.arange(len(lengths)), lengths]


def alike(lengths: Sequence[int]) -> list[list[int]]:
    """Indices of completions that pass together: cut by length wherever that saves more padding than a pass costs."""
    return _cut(sorted(range(len(lengths)), key=lengths.__getitem__), lengths)


def _cut(rows: list[int], lengths: Sequence[int]) -> list[list[int]]:
    saved = [count * (lengths[rows[-1]] - lengths[rows[count - 1]]) for count in range(1, len(rows))]
    if not saved or max(saved) <= PASS_COSTS:
        return [rows]
    count = saved.index(max(saved)) + 1
    return _cut(rows[:count], lengths) + _cut(rows[count:], lengths)


def _behind(decoder: Any, prompts: DynamicCache, sequences: Sequences, rows: Tensor) -> Tensor:
    """Hidden states [R, t, H] of these completions, which are at most t tokens long."""
    of, lengths, tokens = sequences.prompt_of[rows], sequences.prompt_lengths, int(sequences.mask[rows].sum(-1).max())
    cache = DynamicCache(config=decoder.config)
    for layer, prompt in zip(cache.layers, prompts.layers, strict=True):
        layer.update(*(states.index_select(0, of) for states in (prompt.keys, prompt.values)))
    real = torch.arange(sequences.prompts.shape[1], device=rows.device) < lengths[of, None]
    hidden: Tensor = decoder(
        input_ids=sequences.completions[rows, :tokens],
        attention_mask=torch.cat([real, real.new_ones(len(rows), tokens)], 1),
        position_ids=lengths[of, None] + torch.arange(tokens, device=rows.device),
        past_key_values=cache,
        use_cache=True,
    ).last_hidden_state
    return hidden


def pass_through(decoder: Any, ids: Tensor) -> Tensor:
    """ids [B, S] -> [B, S, H]; layers with gradient checkpointing on use it, though the model is not in training mode.

    transformers ties it to that. Only the layer's own flag is set, not its parts', so that no dropout wakes.
    """
    with _training(_recomputed(decoder) if torch.is_grad_enabled() else []):
        hidden: Tensor = decoder(input_ids=ids, use_cache=False).last_hidden_state
    return hidden


def _recomputed(decoder: nn.Module) -> list[nn.Module]:
    return [m for m in decoder.modules() if isinstance(m, GradientCheckpointingLayer) and m.gradient_checkpointing]


@contextmanager
def _training(layers: list[nn.Module]) -> Iterator[None]:
    for layer in layers:
        layer.training = True
    try:
        yield
    finally:
        for layer in layers:
            layer.training = False
