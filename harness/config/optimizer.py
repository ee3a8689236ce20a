"""The section ``optimizer`` of a suite's YAML."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from algorithms.later import LATER
from harness.config.settings import Fraction, Positive, PositiveInt, Settings

CORRECTIONS = ("importance_cap", "icepop", "sequence_mask")
"""Settings of the optimiser of which at most one is on."""


def _ascending(ends: tuple[float, float]) -> tuple[float, float]:
    if ends[0] >= ends[1]:
        raise ValueError(f"a range goes from the smaller to the larger number, not from {ends[0]:g} to {ends[1]:g}")
    if not ends[0] <= 1 <= ends[1]:
        raise ValueError(
            f"1, where engine and trainer agree, is not from {ends[0]:g} to {ends[1]:g}: all would be dropped"
        )
    return ends


Range = Annotated[tuple[Positive, Positive], AfterValidator(_ascending)]
"""From the first number to the second."""


class OptimizerSettings(Settings):
    """AdamW with a linear warm-up and then a constant rate; and how often a rollout batch is trained on."""

    kind: Literal["adamw", "adamw_8bit"] = "adamw"
    """``adamw_8bit`` keeps its moments in 8 bit (Dettmers et al. 2022, arXiv 2110.02861); needs bitsandbytes."""
    learning_rate: Positive = 1e-4
    warmup_steps: Annotated[int, Field(ge=0)] = 10
    betas: tuple[Fraction, Fraction] = (0.9, 0.999)
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    max_grad_norm: Annotated[float, Field(gt=0)] = 1.0
    optimism: Annotated[float, Field(ge=0, allow_inf_nan=False), LATER] = 0.0
    """The gradient ``g`` becomes ``g + optimism (g - g')`` before it is clipped, ``g'`` that of the step before; the
    first one stays as it is (Chelu et al. 2023, arXiv 2306.10587). It costs the memory of one more gradient."""
    critic_learning_rate: Positive | None = None
    """Of an objective with a critic; by default the policy's."""
    updates_per_rollout: PositiveInt = 1
    """Optimiser steps on each rollout batch."""
    minibatches: PositiveInt = 1
    """Parts of a rollout batch, each for one of these steps; ``updates_per_rollout / minibatches`` epochs."""
    importance_cap: Positive | None = None
    """Truncated importance weights for what engine and trainer compute differently (Yao et al. 2025): a token's
    gradient is multiplied by ``min(trainer / engine probability, importance_cap)``; without it, by 1."""
    icepop: Annotated[Range | None, LATER] = None
    """Another correction for the same: the gradient is multiplied by ``trainer / engine probability`` where that lies
    within these two numbers, and dropped where it does not (IcePop, 2025)."""
    sequence_mask: Annotated[Range | None, LATER] = None
    """Another one: completions whose tokens' ratios have a geometric mean outside these two numbers are dropped, and
    the others left as they are."""

    @property
    def correction(self) -> str | None:
        """Which of the corrections for what engine and trainer compute differently is on."""
        return next((name for name in CORRECTIONS if getattr(self, name) is not None), None)

    @model_validator(mode="after")
    def _one_correction(self) -> "OptimizerSettings":
        given = [name for name in CORRECTIONS if getattr(self, name) is not None]
        if len(given) > 1:
            raise ValueError(f"{' and '.join(given)} are both set, and one alone corrects; set the other to null")
        return self

    @property
    def epochs(self) -> int:
        """Passes over each rollout batch."""
        return self.updates_per_rollout // self.minibatches

    @model_validator(mode="after")
    def _whole_epochs(self) -> "OptimizerSettings":
        if self.updates_per_rollout % self.minibatches:
            raise ValueError(
                f"updates_per_rollout={self.updates_per_rollout} is not a multiple of minibatches={self.minibatches}, "
                "so the last epoch would not be whole"
            )
        return self
