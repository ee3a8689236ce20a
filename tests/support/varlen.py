"""``varlen_attn`` of torch on a CPU, for which torch has no kernel: plain products for one sequence after the other."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor
from torch.nn.attention import varlen

CALLS: list[tuple[int, int]] = []


@contextmanager
def on_the_cpu() -> Iterator[list[tuple[int, int]]]:
    """A context in which packed passes work on a CPU. It gives the numbers of queries and keys of each call."""
    CALLS.clear()
    operations = varlen._varlen_attn, varlen._varlen_attn_backward
    for operation, kernel in zip(operations, (_forward, _backward), strict=True):
        operation.register_kernel("cpu")(kernel)
        operation._disabled_kernel.discard("cpu")
    try:
        yield CALLS
    finally:
        for operation in operations:
            operation._disabled_kernel.add("cpu")


def _forward(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    cu_seq_q: Tensor,
    cu_seq_k: Tensor,
    max_q: int,
    max_k: int,
    is_causal: bool,
    scale: float | None,
    *_: Any,
) -> tuple[Tensor, Tensor, Tensor]:
    assert is_causal
    CALLS.append((len(query), len(key)))
    out = torch.zeros_like(query)
    for own, seen in _sequences(query, key, cu_seq_q, cu_seq_k, max_q, max_k):
        weights, values = _weights(query[own], key[seen], scale), _heads(value[seen], query)
        out[own] = (weights @ values).transpose(0, 1).to(out.dtype)
    return out, query.new_empty(0), query.new_empty(0)


def _backward(
    grad_out: Tensor,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    out: Tensor,
    lse: Tensor,
    cu_seq_q: Tensor,
    cu_seq_k: Tensor,
    max_q: int,
    max_k: int,
    is_causal: bool,
    rng_state: Tensor,
    scale: float | None = None,
    window_size: list[int] | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    grads = tuple(torch.zeros_like(states) for states in (query, key, value))
    scale = scale or query.shape[-1] ** -0.5
    for own, seen in _sequences(query, key, cu_seq_q, cu_seq_k, max_q, max_k):
        weights, coming = _weights(query[own], key[seen], scale), grad_out[own].transpose(0, 1).float()
        by_weight = coming @ _heads(value[seen], query).transpose(1, 2)
        by_score = weights * (by_weight - (by_weight * weights).sum(-1, keepdim=True)) * scale
        grads[0][own] = (by_score @ _heads(key[seen], query)).transpose(0, 1).to(query.dtype)
        grads[1][seen] = _shared(by_score.transpose(1, 2) @ _heads(query[own], query), key)
        grads[2][seen] = _shared(weights.transpose(1, 2) @ coming, value)
    return grads[0], grads[1], grads[2]


def _sequences(
    query: Tensor, key: Tensor, of: Tensor, to: Tensor, max_q: int, max_k: int
) -> Iterator[tuple[slice, slice]]:
    """The queries and the keys of each sequence. The row has nothing else."""
    assert len(query) == of[-1] and len(key) == to[-1]
    for (a, b), (c, d) in zip(pairwise(of.tolist()), pairwise(to.tolist()), strict=True):
        assert 0 < b - a <= max_q and b - a <= d - c <= max_k
        yield slice(a, b), slice(c, d)


def _weights(query: Tensor, key: Tensor, scale: float | None) -> Tensor:
    """[heads, s, k] The last query sees all keys, the one before all but one."""
    scores = _heads(query, query) @ _heads(key, query).transpose(1, 2) * (scale or query.shape[-1] ** -0.5)
    asked, there = scores.shape[1:]
    hidden = torch.arange(there) > torch.arange(there - asked, there)[:, None]
    return scores.masked_fill(hidden, -torch.inf).softmax(-1)


def _heads(states: Tensor, query: Tensor) -> Tensor:
    """[s, key heads, D] -> [heads, s, D]"""
    return states.transpose(0, 1).float().repeat_interleave(query.shape[1] // states.shape[1], 0)


def _shared(grads: Tensor, pattern: Tensor) -> Tensor:
    """[heads, s, D] -> [s, key heads, D]"""
    heads = pattern.shape[1]
    return grads.view(heads, -1, *grads.shape[1:]).sum(1).transpose(0, 1).to(pattern.dtype)
