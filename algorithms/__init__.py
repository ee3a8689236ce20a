"""Fine-tuning objectives for language models: tensors in, loss out. This package only needs torch."""

from algorithms.registry import OBJECTIVES, UnknownName, load_objective

__all__ = ["OBJECTIVES", "UnknownName", "load_objective"]
