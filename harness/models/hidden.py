"""A decoder's pass over completions: the hidden states from which their tokens are predicted."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer
from transformers.modeling_layers import GradientCheckpointingLayer

from harness.models.sequences import Sequences

PASS_COSTS = 256
"""A pass through the layers takes about as long as this many tokens more in another."""


def hidden_states(decoder: Any, sequences: Sequences, wanted: Tensor, *, share: bool) -> Tensor:
    """Hidden states of the state before each token where ``wanted`` [B, T] is true: [N, H], in that order.

    Every row wants its first places, at least one.

    With ``share``, of a decoder that allows it (:func:`harness.models.trial.shares_prompts`), a prompt passes once for
    all its completions; the numbers differ by rounding alone. Not where layers are computed again.
    """
    shared = share and len(sequences.prompts) < len(sequences.completions) and not _recomputed(decoder)
    return _shared(decoder, sequences, wanted) if shared else _whole(decoder, sequences, wanted)


def keeps_all_places(config: Any) -> bool:
    """Whether every layer caches all keys; not where one has a window of places, which padding would shift."""
    return all(type(layer) is DynamicLayer for layer in DynamicCache(config=config).layers)


def _whole(decoder: Any, sequences: Sequences, wanted: Tensor) -> Tensor:
    """Each completion with a copy of its prompt.

    Padding is on the right of a causal model, so real tokens never see it and no mask is needed.
    """
    hidden = pass_through(decoder, sequences.joined())
    first = sequences.prompt_lengths[sequences.prompt_of]
    rows, within = wanted.nonzero(as_tuple=True)
    return hidden[rows, first[rows] + within - 1]


def _shared(decoder: Any, sequences: Sequences, wanted: Tensor) -> Tensor:
    """Each prompt once; its keys and values are what its completions attend to."""
    cache = DynamicCache(config=decoder.config)
    prompts = decoder(input_ids=sequences.prompts, past_key_values=cache, use_cache=True).last_hidden_state
    ends = prompts[torch.arange(len(prompts)), sequences.prompt_lengths - 1]
    tokens = (wanted.sum(-1) - 1).clamp_min(1)  # none behind the last place that is wanted
    parts = [torch.tensor(rows, device=tokens.device) for rows in alike(tokens.tolist())]
    passed = [_behind(decoder, cache, sequences, rows, int(tokens[rows].max())) for rows in parts]
    width = wanted.shape[1] - 1
    behind = torch.cat([nn.functional.pad(part, (0, 0, 0, width - part.shape[1])) for part in passed])
    hidden = torch.cat([ends[sequences.prompt_of, None], behind[torch.cat(parts).argsort()]], 1)
    return hidden[wanted]


def alike(lengths: Sequence[int]) -> list[list[int]]:
    """Indices of completions that pass together: cut by length wherever that saves more padding than a pass costs."""
    return _cut(sorted(range(len(lengths)), key=lengths.__getitem__), lengths)


def _cut(rows: list[int], lengths: Sequence[int]) -> list[list[int]]:
    saved = [count * (lengths[rows[-1]] - lengths[rows[count - 1]]) for count in range(1, len(rows))]
    if not saved or max(saved) <= PASS_COSTS:
        return [rows]
    count = saved.index(max(saved)) + 1
    return _cut(rows[:count], lengths) + _cut(rows[count:], lengths)


def _behind(decoder: Any, prompts: DynamicCache, sequences: Sequences, rows: Tensor, tokens: int) -> Tensor:
    """Hidden states [R, t, H] of the first t tokens of these completions."""
    of, lengths = sequences.prompt_of[rows], sequences.prompt_lengths
    cache = DynamicCache(config=decoder.config)
    for layer, prompt in zip(cache.layers, prompts.layers, strict=True):
        layer.lazy_initialization(prompt.keys, prompt.values)  # not update, which would copy them once more
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
    """``states[indices]``: as an embedding, whose gradient takes a CPU a third of ``index_select``'s time, or less."""
    return nn.functional.embedding(indices, states.flatten(1)).view(-1, *states.shape[1:])


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
