"""A cache with room contains the same as a plain one, and copies it rarely."""

import torch
from transformers import DynamicCache, LlamaConfig, MistralConfig

from harness.rollout.engines.roomy_cache import ROOM, roomy_cache

SHAPE = LlamaConfig(hidden_size=8, num_attention_heads=2, num_hidden_layers=2)


def filled(cache: DynamicCache, rows: int, tokens: int, seed: int) -> list[torch.Tensor]:
    """What the layers return when ``tokens`` tokens of ``rows`` rows are added."""
    generator = torch.Generator().manual_seed(seed)
    found = []
    for layer in range(2):
        keys, values = torch.randn(2, rows, 2, tokens, 4, generator=generator)
        found += [each.clone() for each in cache.update(keys, values, layer)]
    return found


def test_it_gives_back_what_a_plain_cache_gives_back() -> None:
    roomy, plain = roomy_cache(SHAPE), DynamicCache(config=SHAPE)
    generator = torch.Generator().manual_seed(0)
    rows, turn = 3, 0
    for cache in (roomy, plain):
        filled(cache, rows, 5, seed=100)
        cache.batch_repeat_interleave(4)
    rows *= 4
    while rows > 1:
        for ours, theirs in zip(filled(roomy, rows, 1, turn), filled(plain, rows, 1, turn), strict=True):
            assert torch.equal(ours, theirs)
        assert roomy.get_seq_length() == plain.get_seq_length() == 6 + turn
        if turn % 3 == 2:
            keep = torch.randperm(rows, generator=generator)[: rows - 1].sort().values
            roomy.batch_select_indices(keep)
            plain.batch_select_indices(keep)
            rows -= 1
        turn += 1
    assert turn > ROOM  # it has grown


def test_a_token_is_written_behind_the_others_without_copying_them() -> None:
    cache, written = roomy_cache(SHAPE), 4 * ROOM
    filled(cache, 3, written - 1, seed=0)
    places = []
    for turn in range(6):
        filled(cache, 3, 1, seed=turn)
        places.append(cache.layers[0].keys.data_ptr())
    assert len(set(places[:5])) == 1  # one place, and the four that are reserved next to it
    assert places[5] != places[0]


def test_a_window_of_places_is_kept_as_it_is() -> None:
    shape = MistralConfig(hidden_size=8, num_attention_heads=2, num_hidden_layers=2, sliding_window=3)
    roomy, plain = roomy_cache(shape), DynamicCache(config=shape)
    for turn in range(6):
        for ours, theirs in zip(filled(roomy, 2, 1, turn), filled(plain, 2, 1, turn), strict=True):
            assert torch.equal(ours, theirs)
