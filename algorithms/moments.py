"""Mean and variance over all sampled tokens of an optimiser step, computed from its micro-batches."""

from collections.abc import Mapping

import torch
from torch import Tensor

from algorithms.grpo import aggregate_tokens
from algorithms.types import Batch

VARIANCE_FLOOR = 1e-8
"""Added to the variance before dividing by its square root."""
ROUNDING = 1e-10
"""A variance below this share of the mean square is a rounding error. The values then count as equal."""


def moments(name: str, values: Tensor, batch: Batch) -> dict[str, Tensor]:
    """The contribution of a micro-batch to the step's means of token values [B, T] and of their squares.

    They are already divided by the number of tokens of the step, so their sums over micro-batches are the means.
    """
    wide = values.detach().double()  # the variance is a difference of two sums
    return {
        f"{name}_mean": aggregate_tokens(wide, batch, "token_mean"),
        f"{name}_square": aggregate_tokens(wide**2, batch, "token_mean"),
    }


def variance(name: str, totals: Mapping[str, Tensor]) -> Tensor:
    """Variance [] over all tokens of the step (ddof = 0), from the summed ``moments``; 0 if it is a rounding error."""
    square = totals[f"{name}_square"]
    spread = square - totals[f"{name}_mean"] ** 2
    return torch.where(spread > ROUNDING * square, spread, 0.0)


def whitened(name: str, values: Tensor, totals: Mapping[str, Tensor]) -> Tensor:
    """Values [B, T] shifted and scaled to mean 0 and variance 1 over the step; 0 if all values are equal."""
    spread = variance(name, totals)
    white = (values - totals[f"{name}_mean"]) / (spread + VARIANCE_FLOOR).sqrt()
    return torch.where(spread > 0, white, 0.0).to(values.dtype)
