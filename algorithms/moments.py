"""Mean and variance over all sampled tokens of an optimiser step, of which a micro-batch sees a part."""

from collections.abc import Mapping

import torch
from torch import Tensor

from algorithms.grpo import aggregate_tokens
from algorithms.types import Batch

VARIANCE_FLOOR = 1e-8
"""Added to the variance before dividing by its root."""
ROUNDING = 1e-10
"""A variance below this share of the mean square is rounding: the values are taken to be all the same."""


def moments(name: str, values: Tensor, batch: Batch) -> dict[str, Tensor]:
    """This micro-batch's part of the step's mean of token values [B, T], and of their squares.

    They are already divided by the step's tokens: added up over micro-batches they *are* the means.
    """
    wide = values.detach().double()  # the variance is a difference of two sums
    return {
        f"{name}_mean": aggregate_tokens(wide, batch, "token_mean"),
        f"{name}_square": aggregate_tokens(wide**2, batch, "token_mean"),
    }


def variance(name: str, totals: Mapping[str, Tensor]) -> Tensor:
    """Variance [] (ddof = 0: these are all the step's tokens) from the added-up ``moments``; 0 if it is rounding."""
    square = totals[f"{name}_square"]
    spread = square - totals[f"{name}_mean"] ** 2
    return torch.where(spread > ROUNDING * square, spread, 0.0)


def whitened(name: str, values: Tensor, totals: Mapping[str, Tensor]) -> Tensor:
    """Values [B, T] shifted and scaled to mean 0 and variance 1 over the step; 0 where they are all the same."""
    spread = variance(name, totals)
    white = (values - totals[f"{name}_mean"]) / (spread + VARIANCE_FLOOR).sqrt()
    return torch.where(spread > 0, white, 0.0).to(values.dtype)
