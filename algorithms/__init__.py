"""Fine-tuning objectives for language models: tensors in, loss out. Needs torch alone."""

from algorithms.registry import OBJECTIVES, UnknownName, load_objective

__all__ = ["OBJECTIVES", "UnknownName", "load_objective"]
