"""Checks that the files of a model contain exactly the model."""

import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from harness.errors import HarnessError
from harness.models.adapters import lacking, plain_like

CONSTANT = re.compile(r"\b(attn|attention)\.(masked_)?bias$|\binv_freq$|\bposition_ids$")
"""Causal masks, rotary frequencies and positions, which early versions of transformers saved beside the weights."""
SHOWN = 3
"""The number of names that a message lists."""


def refuse_other_weights(path: str, report: Mapping[str, Any]) -> None:
    """Refuse a model with random weights for missing ones, or with files that contain more than was loaded.

    ``report``: the output of ``from_pretrained`` with ``output_loading_info``.

    Raises:
        HarnessError: weights are missing, superfluous, or of another shape.
    """
    what = {
        "missing_keys": "lacks weights, which would be random",
        "mismatched_keys": "has weights of another shape than its config",
        "unexpected_keys": "has weights that do not belong to its config",
        "conversion_errors": "has weights that cannot be converted",
    }
    for key, sentence in what.items():
        found = sorted(str(one[0] if isinstance(one, tuple) else one) for one in report.get(key) or ())
        if names := [name for name in found if key != "unexpected_keys" or not CONSTANT.search(name)]:
            raise HarnessError(f"{path} {sentence}: {listed(names)}; save exactly the causal language model")


def refuse_adapters(path: str, model: nn.Module) -> None:
    """Refuse a model with adapter files, because transformers attaches these adapters when it loads the model.

    Raises:
        HarnessError: there are adapters.
    """
    if getattr(model, "peft_config", None):
        raise HarnessError(
            f"{path} has adapters besides or instead of a model (adapter_config.json); merge them with PEFT's "
            "merge_and_unload and save the result, or move them away"
        )


def refuse_unsavable(path: str, model: nn.Module) -> None:
    """Refuse a model whose adapters cannot be merged for saving or for an engine.

    Raises:
        HarnessError: merging does not give exactly the weights of the plain model.
    """
    if names := lacking(model, plain_like(model)):
        raise HarnessError(
            f"{path} with adapters could not be saved as a plain model: {listed(names)} would be missing, superfluous "
            "or of another shape; train all weights (policy.lora=null), or choose another model"
        )


def refuse_broken_weights(path: str, model: nn.Module) -> None:
    """Refuse weights that are not finite.

    Raises:
        HarnessError: some weights are not finite.
    """
    if names := [name for name, tensor in model.state_dict().items() if not _finite(tensor)]:
        raise HarnessError(f"{path} has weights that are not finite: {listed(names)}; get an intact copy")


def listed(names: list[str]) -> str:
    """The first names, and the number of others."""
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more} more" if more > 0 else "")


def _finite(tensor: torch.Tensor) -> bool:
    """Whether all values are finite. The sum is checked first, because it needs no mask of the tensor's size."""
    if not tensor.is_floating_point():
        return True
    return bool(tensor.sum().isfinite()) or bool(tensor.isfinite().all())
