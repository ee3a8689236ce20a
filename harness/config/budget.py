"""The budget of a run."""

from typing import Literal, get_args

from pydantic import Field

from harness.config.settings import Settings

Unit = Literal["completions", "sampled_tokens", "optimizer_steps", "flops", "seconds"]
UNITS: tuple[Unit, ...] = get_args(Unit)


class Budget(Settings):
    """A total in one unit. A run ends after the last step that fits into it."""

    unit: Unit = "completions"
    total: float = Field(gt=0, allow_inf_nan=False)

    def __str__(self) -> str:
        return f"{self.total:,.0f} {self.unit.replace('_', ' ')}"
