"""The section ``optimizer`` of a suite's YAML."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from algorithms.later import LATER
from harness.config.settings import Positive, PositiveInt, Settings

CORRECTIONS = ("importance_cap", "icepop", "sequence_mask")
"""Settings of the optimiser of which at most one can be set."""


def _ascending(ends: tuple[float, float]) -> tuple[float, float]:
    if ends[0] >= ends[1]:
        raise ValueError(f"a range goes from the smaller to the larger number, not from {ends[0]:g} to {ends[1]:g}")
    if not ends[0] <= 1 <= ends[1]:
        raise ValueError(
            f"the range from {ends[0]:g} to {ends[1]:g} does not include 1, the ratio if engine and trainer agree"
        )
    return ends


Range = Annotated[tuple[Positive, Positive], AfterValidator(_ascending)]
"""A range from the first number to the second."""


Beta = Annotated[float, Field(ge=0, lt=1)]


class OptimizerSettings(Settings):
    """AdamW with a linear warm-up to a constant learning rate, and the number of updates on each rollout batch."""

    kind: Literal["adamw", "adamw_8bit"] = "adamw"
    """``adamw_8bit`` keeps its moments in 8 bits (Dettmers et al. 2022, arXiv 2110.02861) and needs bitsandbytes."""
    learning_rate: Positive = 1e-4
    warmup_steps: Annotated[int, Field(ge=0)] = 10
    betas: tuple[Beta, Beta] = (0.9, 0.999)
    weight_decay: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    max_grad_norm: Positive = 1.0
    """The gradient is scaled down to this norm. A very large number switches that off."""
    optimism: Annotated[float, Field(ge=0, allow_inf_nan=False), LATER] = 0.0
    """Before clipping, the gradient ``g`` becomes ``g + optimism (g - g')``, where ``g'`` is the gradient of the step
    before (Chelu et al. 2023, arXiv 2306.10587). This takes the memory of one more gradient."""
    critic_learning_rate: Positive | None = None
    """The learning rate of the critic, for objectives that have one. By default it is the policy's."""
    updates_per_rollout: PositiveInt = 1
    """Optimiser steps on each rollout batch."""
    minibatches: PositiveInt = 1
    """The parts that a rollout batch is cut into, one for each step. ``updates_per_rollout / minibatches`` is the
    number of epochs."""
    importance_cap: Positive | None = None
    """Corrects for differences between engine and trainer by truncated importance weights (Yao et al. 2025). Each
    token's gradient is multiplied by ``min(trainer / engine probability, importance_cap)``."""
    icepop: Annotated[Range | None, LATER] = None
    """The same correction in another form (IcePop, 2025). Each token's gradient is multiplied by ``trainer / engine
    probability`` if this ratio lies within the two numbers, and dropped otherwise."""
    sequence_mask: Annotated[Range | None, LATER] = None
    """The same correction for whole completions. A completion is dropped if the geometric mean of its tokens' ratios
    lies outside the two numbers."""

    @property
    def correction(self) -> str | None:
        """The correction for differences between engine and trainer that is set, if any."""
        return next((name for name in CORRECTIONS if getattr(self, name) is not None), None)

    @model_validator(mode="after")
    def _one_correction(self) -> "OptimizerSettings":
        given = [name for name in CORRECTIONS if getattr(self, name) is not None]
        if len(given) > 1:
            raise ValueError(f"{' and '.join(given)} are both set, but only one can be; set the other to null")
        return self

    @property
    def epochs(self) -> int:
        """The number of passes over each rollout batch."""
        return self.updates_per_rollout // self.minibatches

    @model_validator(mode="after")
    def _whole_epochs(self) -> "OptimizerSettings":
        if self.updates_per_rollout % self.minibatches:
            raise ValueError(
                f"updates_per_rollout={self.updates_per_rollout} is not a multiple of minibatches={self.minibatches}, "
                "so the last epoch would not be whole"
            )
        return self
