"""Log-probabilities of tokens from hidden states. A large vocabulary's logits are never all in memory."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.utils.checkpoint import checkpoint

LOGITS_AT_ONCE = 1 << 24
"""The number of logits in one chunk, unless :data:`TOKENS_AT_ONCE` asks for more. If there are several chunks, they are
recomputed in the backward pass."""
TOKENS_AT_ONCE = 1024
"""With a large vocabulary, a chunk still has this number of tokens, or the hidden width if that is less. Then it has at
most as many logits as the output layer has weights. Each chunk adds up a gradient of the whole output layer, and with
few tokens that takes longer than computing the logits."""
FLOAT32_PER_THREAD = 1 << 19
"""On a CPU, about this number of a chunk's logits per thread is in float32 at the same time. That is 2 MiB."""
FLOAT32_ON_GPU = 1 << 26
"""On a GPU, about this number of a chunk's logits is in float32 at the same time."""


def token_logp(head: Any, temperature: float, hidden: Tensor, tokens: Tensor) -> Tensor:
    """[N] float32 log-probabilities of tokens [N], with gradients.

    Args:
        head: the output layer, from hidden states to logits
        hidden: [N, H]
    """
    vocabulary, width = head.weight.shape
    if len(tokens) * vocabulary <= LOGITS_AT_ONCE:
        return -nn.functional.cross_entropy(_scaled(head(hidden), temperature), tokens, reduction="none")
    size = chunk_of_logits(vocabulary, width)
    if len(tokens) <= size:
        return _in_blocks(head, temperature, hidden, tokens)
    chunks = zip(torch.split(hidden, size), torch.split(tokens, size), strict=True)
    return torch.cat([checkpoint(_in_blocks, head, temperature, h, y, use_reentrant=False) for h, y in chunks])


def chunk_of_logits(vocabulary: int, width: int) -> int:
    """The number of tokens in one chunk of logits."""
    return max(1, LOGITS_AT_ONCE // vocabulary, min(TOKENS_AT_ONCE, width))


def _in_blocks(head: Any, temperature: float, hidden: Tensor, tokens: Tensor) -> Tensor:
    found: Tensor = _InBlocks.apply(head(hidden), tokens, temperature)  # type: ignore[no-untyped-call]
    return found


class _InBlocks(torch.autograd.Function):
    """Log-probabilities [N] of tokens [N] from logits [N, V], with float32 copies of a few rows at a time.

    The gradient of the logits is (one-hot - softmax) / temperature.
    """

    @staticmethod
    def forward(ctx: Any, logits: Tensor, tokens: Tensor, temperature: float) -> Tensor:
        ctx.save_for_backward(logits, tokens)
        ctx.temperature = temperature
        rows = _rows(logits)
        blocks = zip(torch.split(logits, rows), torch.split(tokens[:, None], rows), strict=True)
        return torch.cat([_scaled(block, temperature).log_softmax(-1).gather(1, y)[:, 0] for block, y in blocks])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        logits, tokens = ctx.saved_tensors
        found, rows = torch.empty_like(logits), _rows(logits)
        upstream = (gradient / ctx.temperature)[:, None]
        parts = zip(*(torch.split(each, rows) for each in (found, logits, tokens[:, None], upstream)), strict=True)
        for target, block, y, g in parts:
            target.copy_(_scaled(block, ctx.temperature).softmax(-1).mul_(-g).scatter_add_(1, y, g))
        return found, None, None


def _scaled(logits: Tensor, temperature: float) -> Tensor:
    return logits.float() if temperature == 1 else logits.float() / temperature


def _rows(logits: Tensor) -> int:
    """The number of rows in one block."""
    threads = torch.get_num_threads()
    at_once = FLOAT32_PER_THREAD * threads if logits.device.type == "cpu" else FLOAT32_ON_GPU
    return max(1, at_once // logits.shape[1])
