"""The optimiser of a run."""

from collections.abc import Mapping
from importlib.util import find_spec

import torch

from harness.config.optimizer import OptimizerSettings
from harness.errors import HarnessError


def make_optimizer(settings: OptimizerSettings, trained: Mapping[str, torch.nn.Module]) -> torch.optim.Optimizer:
    """AdamW over all trained parameters.

    Raises:
        HarnessError: 8-bit moments are requested without bitsandbytes, or a module has no trained parameters.
    """
    rates = {"policy": settings.learning_rate, "critic": settings.critic_learning_rate or settings.learning_rate}
    groups = [
        {"params": [p for p in part.parameters() if p.requires_grad], "peak": rates[name]}
        for name, part in trained.items()
    ]
    for name, group in zip(trained, groups, strict=True):
        if not group["params"]:
            raise HarnessError(f"the {name} has no trained weights; choose another model or policy.lora")
    options = {"lr": settings.learning_rate, "betas": settings.betas, "weight_decay": settings.weight_decay}
    if settings.kind == "adamw":
        return torch.optim.AdamW(groups, fused=True, **options)  # type: ignore[arg-type]
    if find_spec("bitsandbytes") is None:
        raise HarnessError("optimizer.kind is adamw_8bit, which needs bitsandbytes: pip install '.[8bit]'")
    from bitsandbytes.optim import AdamW8bit

    made: torch.optim.Optimizer = AdamW8bit(groups, **options)
    return made
