"""The size of a model, and the FLOPs that follow from it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelSize:
    """The sizes of a model that determine its FLOPs."""

    parameters: int
    """Parameters in matrix products. A tied embedding counts once, and an untied input embedding does not count."""
    trained: int
    """The number of these parameters that have gradients."""
    layers: int
    width: int

    def forward_flops(self, lengths: Iterable[int]) -> int:
        """FLOPs of one forward pass: 2N per token, plus 2 L d S^2 per sequence for causal attention.

        Source: Kaplan et al. 2020, arXiv 2001.08361, 2.1.
        """
        return sum(2 * self.parameters * length + 2 * self.layers * self.width * length**2 for length in lengths)

    def training_flops(self, lengths: Sequence[int]) -> int:
        """FLOPs of forward and backward pass: three times the forward pass (6N per token) if all weights are trained.

        Frozen weights only pass gradients on, which costs two instead of three forward passes.
        """
        return 3 * self.forward_flops(lengths) - 2 * (self.parameters - self.trained) * sum(lengths)
