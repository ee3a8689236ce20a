"""Sections of a suite's YAML file: the arms of a comparison, and tuning."""

from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, Field, field_validator

from harness.config.regime import RegimeSpec
from harness.config.settings import Positive, PositiveInt, Settings


class ConstraintSettings(Settings):
    """A limit on a measured quantity. A Lagrange multiplier enforces it around any objective.

    Fields as in :class:`algorithms.constrained.Constrained`.
    """

    quantity: Literal["length", "kl"]
    limit: float
    rate: float | None = None
    damping: float | None = None


class RobustSettings(Settings):
    """Weights on the prompts of a step, from the worst distribution nearby, for any objective.

    Fields as in :class:`algorithms.robust.Robust`.
    """

    kind: Literal["kl", "chi_square", "cvar"]
    radius: float


Control = Literal["frozen", "random_reward"]
"""``frozen`` is never updated, and shows the noise of the evaluation. ``random_reward`` gets random rewards, and shows
what training changes without any signal."""
CONTROLS: tuple[Control, ...] = get_args(Control)


class TunedSettings(Settings):
    """The settings that tuning decides."""

    fields: dict[str, Any] = Field(default_factory=dict)
    """Hyperparameters of the objective. Those left out keep their defaults."""
    optimizer: dict[str, Any] = Field(default_factory=dict)
    """Settings that replace those of the suite's ``optimizer``."""


def _check_ranges(space: dict[str, tuple[float, float]]) -> dict[str, tuple[float, float]]:
    for name, (low, high) in space.items():
        section, _, key = name.partition(".")
        if section not in TunedSettings.model_fields or not key:
            raise ValueError(f"{name} is neither optimizer.NAME nor fields.NAME")
        if low >= high:
            raise ValueError(f"the range of {name} is empty: {low:g} to {high:g}")
    return space


Space = Annotated[dict[str, tuple[Positive, Positive]], AfterValidator(_check_ranges)]
"""The range of each tuned setting, ``optimizer.NAME`` or ``fields.NAME``. The search is uniform in the logarithm."""


class ArmSettings(TunedSettings):
    """The settings of a single arm of the comparison."""

    like: str | None = None
    """Another arm of this suite. Its settings apply in every regime, unless this arm sets them itself."""
    objective: str | None = None
    """The objective that the arm trains. By default it is the arm's name."""
    regimes: dict[str, TunedSettings] = Field(default_factory=dict)
    """Different settings in certain regimes, by the regime's name. All other regimes use the settings above."""
    constraint: ConstraintSettings | None = None
    robust: RobustSettings | None = None
    control: Control | None = None
    space: Space = Field(default_factory=dict)
    """Ranges that ``harness tune`` searches for this arm only, in addition to the suite's ``tuning.space``."""

    @field_validator("regimes")
    @classmethod
    def _canonical(cls, regimes: dict[str, TunedSettings]) -> dict[str, TunedSettings]:
        return {str(RegimeSpec.parse(name)): settings for name, settings in regimes.items()}


class TuningSettings(Settings):
    """How ``harness tune`` searches. Every objective gets the same number of trials, judged on the validation split."""

    space: Space = Field(default_factory=dict)
    """Ranges for all arms. An objective uses those of its own fields and ignores the others."""
    seeds: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1)] = (1000,)
    """The seeds of each trial. Leaderboards must not use them."""
    validation_problems: PositiveInt = 512

    @field_validator("seeds")
    @classmethod
    def _distinct(cls, seeds: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(seeds)) < len(seeds):
            raise ValueError("a seed is listed twice")
        return seeds
