"""The size of a model, and the FLOPs that follow from it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelSize:
    """What the FLOPs of a model follow from."""

    parameters: int
    """Parameters that take part in a matrix product: a tied embedding once, an untied input embedding not."""
    trained: int
    """Those of them that have gradients."""
    layers: int
    width: int

    def forward_flops(self, lengths: Iterable[int]) -> int:
        """FLOPs of one forward pass over sequences: 2N a token, plus causal attention's 2 L d S^2 a sequence.

        Source: Kaplan et al. 2020, arXiv 2001.08361, 2.1.
        """
        return sum(2 * self.parameters * length + 2 * self.layers * self.width * length**2 for length in lengths)

    def training_flops(self, lengths: Sequence[int]) -> int:
        """FLOPs of forward and backward: three forward passes (6N a token) where all weights are trained.

        Frozen weights pass gradients on and have none themselves, which spares them the third.
        """
        return 3 * self.forward_flops(lengths) - 2 * (self.parameters - self.trained) * sum(lengths)
