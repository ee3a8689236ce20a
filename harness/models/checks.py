"""What a model's files hold must be the model, and all of it."""

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
"""Names that a sentence lists."""


def refuse_other_weights(path: str, report: Mapping[str, Any]) -> None:
    """Refuse a model that transformers filled up with random weights, or files that hold more than was loaded.

    ``report`` is what ``from_pretrained`` gives with ``output_loading_info``.

    Raises:
        HarnessError: weights are missing, left over, or of another shape.
    """
    what = {
        "missing_keys": "lacks weights, which would be drawn at random",
        "mismatched_keys": "holds weights of another shape than its config says",
        "unexpected_keys": "holds weights that its config has no place for",
        "conversion_errors": "holds weights that cannot be converted",
    }
    for key, sentence in what.items():
        found = sorted(str(one[0] if isinstance(one, tuple) else one) for one in report.get(key) or ())
        if names := [name for name in found if key != "unexpected_keys" or not CONSTANT.search(name)]:
            raise HarnessError(f"{path} {sentence}: {listed(names)}; save the whole causal language model, and no more")


def refuse_adapters(path: str, model: nn.Module) -> None:
    """Refuse adapters that lay beside the model: transformers attaches them, and they are none of ours.

    Raises:
        HarnessError: there are some.
    """
    if getattr(model, "peft_config", None):
        raise HarnessError(
            f"{path} holds adapters beside or instead of a model (adapter_config.json); merge them into it with PEFT's "
            "merge_and_unload and save that, or move them away"
        )


def refuse_unsavable(path: str, model: nn.Module) -> None:
    """Refuse a model with adapters that could not be saved, nor handed to an engine, without them.

    Raises:
        HarnessError: merging them does not give exactly the weights of the plain model.
    """
    if names := lacking(model, plain_like(model)):
        raise HarnessError(
            f"{path} with adapters could not be saved as a plain model: {listed(names)} would be missing, left over or "
            "of another shape; train all weights (policy.lora=null), or choose another model"
        )


def refuse_broken_weights(path: str, model: nn.Module) -> None:
    """Refuse weights that are no numbers.

    Raises:
        HarnessError: some are not finite.
    """
    if names := [name for name, tensor in model.state_dict().items() if not _finite(tensor)]:
        raise HarnessError(f"{path} holds weights that are not finite: {listed(names)}; get an intact copy")


def listed(names: list[str]) -> str:
    """The first names, and how many more there are."""
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more} more" if more > 0 else "")


def _finite(tensor: torch.Tensor) -> bool:
    """Without a mask of its size: a sum is not finite where a part is not, and seldom otherwise."""
    if not tensor.is_floating_point():
        return True
    return bool(tensor.sum().isfinite()) or bool(tensor.isfinite().all())
