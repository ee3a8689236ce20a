"""The files that a run writes: its checkpoint, which a finished run deletes, and its model."""

from dataclasses import dataclass

from harness.config.run_config import RunConfig
from harness.studies.planning.memory import moments
from harness.studies.planning.parts import Parts, bytes_of

SAVED = 4
"""Bytes per weight of a saved model. Merged adapters are saved in float32, too."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Disk:
    """Bytes of the large files of a run."""

    checkpoint: float
    """The trained weights and the state of the optimiser. 0 without checkpoints."""
    model: float


def disk_of(config: RunConfig, parts: Parts) -> Disk:
    """The files of a run, without the completions that its regime keeps for later steps."""
    kept: float = bytes_of(parts.trained) * (2 if config.optimizer.optimism else 1)  # with the previous gradients
    kept += moments([weight.numel() for weight in parts.trained], config.optimizer)
    policy = parts.policy
    whole = (weight for weight in policy.model.parameters() if not (policy.adapted and weight.requires_grad))
    return Disk(
        checkpoint=kept if config.compute.checkpoints else 0,
        model=SAVED * sum(weight.numel() for weight in whole),
    )
