"""Passes of a decoder over completions: the hidden states that predict their tokens."""

from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

from harness.models.packed import packed_states, packed_whole_states
from harness.models.recomputing import recomputing
from harness.models.sequences import Sequences

BatchLayout = Literal["whole", "shared", "packed_whole", "packed"]
"""How a batch passes. ``whole``: each completion behind a copy of its prompt, padded. ``shared``: what all prompts
begin with once, such as solved examples, then the rest of each prompt once, then the completions, padded.
``packed_whole`` and ``packed``: each completion behind its prompt, or each prompt once, without padding."""
UNPADDED: tuple[BatchLayout, ...] = ("packed_whole", "packed")
PASS_COSTS = 256
"""An additional pass through the layers costs about as much as this number of tokens."""


def hidden_states(decoder: Any, sequences: Sequences, wanted: Tensor, layout: BatchLayout) -> Tensor:
    """Hidden states [N, H] before each token for which ``wanted`` [B, T] is true, in this order.

    Each row of ``wanted`` is true on its first positions, at least one.

    Which layouts a decoder allows is found by :func:`harness.models.trial.batch_layout_of`. Results then differ only by
    rounding.
    """
    alone = len(sequences.prompts) == len(sequences.completions)
    beginning = 0
    if layout == "shared":
        beginning = common_beginning(sequences.prompts, sequences.prompt_lengths, passes=2 if alone else 1)
    with recomputing(decoder):
        match layout:
            case "packed" if not alone:
                return packed_states(decoder, sequences, wanted)
            case "packed" | "packed_whole":
                return packed_whole_states(decoder, sequences, wanted)
            case "shared" if beginning or not alone:
                return _shared(decoder, sequences, wanted, beginning)
        return _whole(decoder, sequences, wanted)


def in_one_pass(layout: BatchLayout) -> BatchLayout:
    """The layout without sharing, in which the number of passes does not depend on the batch."""
    match layout:
        case "packed":
            return "packed_whole"
        case "shared":
            return "whole"
    return layout


def keeps_all_places(config: Any) -> bool:
    """Whether every layer caches all keys. False if a layer has a sliding window, which padding would shift."""
    return all(type(layer) is DynamicLayer for layer in DynamicCache(config=config).layers)


def _whole(decoder: Any, sequences: Sequences, wanted: Tensor) -> Tensor:
    """Hidden states from passes over each completion with a copy of its prompt.

    Padding is on the right and the model is causal, so real tokens never see padding and no mask is needed.
    """
    hidden: Tensor = decoder(input_ids=sequences.joined(), use_cache=False).last_hidden_state
    first = sequences.prompt_lengths[sequences.prompt_of]
    rows, within = wanted.nonzero(as_tuple=True)
    return hidden[rows, first[rows] + within - 1]


def common_beginning(prompts: Tensor, lengths: Tensor, passes: int = 1) -> int:
    """The number of tokens with which all prompts begin; 0 if sharing them costs more than it saves.

    Each prompt keeps at least one token, whose hidden state predicts its completions.

    Args:
        prompts: [P, L] padded on the right
        lengths: [P]
        passes: the number of additional passes that sharing needs
    """
    prompts = prompts[:, : max(0, int(lengths.min()) - 1)]
    same = (prompts == prompts[:1]).all(0)
    tokens = int(same.long().cumprod(0).sum())
    return tokens if (len(prompts) - 1) * tokens > passes * PASS_COSTS else 0


def _shared(decoder: Any, sequences: Sequences, wanted: Tensor, beginning: int) -> Tensor:
    """Hidden states from one pass over each prompt, whose keys and values are shared by its completions.

    ``beginning``: the number of first tokens of all prompts that pass once for all of them.
    """
    cache = DynamicCache(config=decoder.config)
    prompts = _prompts(decoder, cache, sequences.prompts, beginning)
    ends = prompts[torch.arange(len(prompts)), sequences.prompt_lengths - 1 - beginning]
    tokens = (wanted.sum(-1) - 1).clamp_min(1)  # up to the last wanted position
    parts = [torch.tensor(rows, device=tokens.device) for rows in alike(tokens.tolist())]
    passed = [_behind(decoder, cache, sequences, rows, int(tokens[rows].max())) for rows in parts]
    width = wanted.shape[1] - 1
    behind = torch.cat([nn.functional.pad(part, (0, 0, 0, width - part.shape[1])) for part in passed])
    hidden = torch.cat([ends[sequences.prompt_of, None], behind[torch.cat(parts).argsort()]], 1)
    return hidden[wanted]


def _prompts(decoder: Any, cache: DynamicCache, prompts: Tensor, beginning: int) -> Tensor:
    """Hidden states [P, L - beginning, H] of prompts [P, L] after their common beginning. Fills the cache."""
    if beginning:
        decoder(input_ids=prompts[:1, :beginning], past_key_values=cache, use_cache=True)
        for layer in cache.layers:
            layer.keys, layer.values = (each.expand(len(prompts), -1, -1, -1) for each in (layer.keys, layer.values))
    hidden: Tensor = decoder(input_ids=prompts[:, beginning:], past_key_values=cache, use_cache=True).last_hidden_state
    return hidden


def alike(lengths: Sequence[int]) -> list[list[int]]:
    """Indices of completions that pass together. They are split by length if this saves more padding than a pass
    costs."""
    return _cut(sorted(range(len(lengths)), key=lengths.__getitem__), lengths)


def _cut(rows: list[int], lengths: Sequence[int]) -> list[list[int]]:
    saved = [count * (lengths[rows[-1]] - lengths[rows[count - 1]]) for count in range(1, len(rows))]
    if not saved or max(saved) <= PASS_COSTS:
        return [rows]
    count = saved.index(max(saved)) + 1
    return _cut(rows[:count], lengths) + _cut(rows[count:], lengths)


def _behind(decoder: Any, prompts: DynamicCache, sequences: Sequences, rows: Tensor, tokens: int) -> Tensor:
    """Hidden states [R, t, H] of the first t tokens of some completions."""
    of, lengths = sequences.prompt_of[rows], sequences.prompt_lengths
    cache = DynamicCache(config=decoder.config)
    for layer, prompt in zip(cache.layers, prompts.layers, strict=True):
        layer.lazy_initialization(prompt.keys, prompt.values)  # update() would copy them once more
        layer.keys, layer.values = _rows(prompt.keys, of), _rows(prompt.values, of)
    real = torch.arange(sequences.prompts.shape[1], device=rows.device) < lengths[of, None]
    hidden: Tensor = decoder(
        input_ids=sequences.completions[rows, :tokens],
        attention_mask=torch.cat([real, real.new_ones(len(rows), tokens)], 1),
        position_ids=lengths[of, None] + torch.arange(tokens, device=rows.device),
        past_key_values=cache,
        use_cache=True,
    ).last_hidden_state
    return hidden


def _rows(states: Tensor, indices: Tensor) -> Tensor:
    """``states[indices]`` as an embedding, whose gradient on a CPU takes at most a third of ``index_select``'s time."""
    return nn.functional.embedding(indices, states.flatten(1)).view(-1, *states.shape[1:])
