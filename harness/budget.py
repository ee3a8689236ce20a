"""What a run may spend, and the account of what it has spent: every unit is always counted."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

Unit = Literal["completions", "sampled_tokens", "optimizer_steps", "flops", "seconds"]
UNITS: tuple[Unit, ...] = get_args(Unit)


class Budget(BaseModel):
    """A total in one unit. A run ends at its last whole step within it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    unit: Unit = "completions"
    total: float = Field(gt=0, allow_inf_nan=False)

    def __str__(self) -> str:
        return f"{self.total:,.0f} {self.unit.replace('_', ' ')}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Ledger:
    """What was spent. Ledgers add up. Evaluation is counted, and never part of a budget."""

    completions: int = 0
    """Completions of the rollout batches, those taken again from a buffer or a fixed set included."""
    sampled_completions: int = 0
    """Those sampled for the run, each counted once."""
    shared_completions: int = 0
    """Of the sampled ones, those of a fixed set that was sampled once for all objectives."""
    sampled_tokens: int = 0
    """Of the sampled completions."""
    iterations: int = 0
    """Turns of the loop: rollout batches trained on."""
    optimizer_steps: int = 0
    trained_tokens: int = 0
    """Prompt and completion tokens that passed forward and backward through the policy, each time."""
    scored_tokens: int = 0
    """Those that passed through the policy for old or start log-probabilities, without gradient."""
    reference_tokens: int = 0
    """Those that passed through the reference."""
    critic_tokens: int = 0
    """Those that passed through the critic, with gradient or without."""
    flops: int = 0
    """Model FLOPs of sampling, scoring, reference, critic and training, see :class:`ModelSize`."""
    seconds_sampling: float = 0.0
    seconds_grading: float = 0.0
    seconds_training: float = 0.0
    seconds_sync: float = 0.0
    """Of the engine taking over the policy's weights."""
    seconds_evaluation: float = 0.0
    discarded_completions: int = 0
    """Sampled, but beyond the budget: never trained on, and not in ``completions``."""

    def __add__(self, other: "Ledger") -> "Ledger":
        return Ledger(**{f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(self)})

    @property
    def seconds(self) -> float:
        """Wall-clock seconds that count towards a budget."""
        return self.seconds_sampling + self.seconds_grading + self.seconds_training + self.seconds_sync

    def spent(self, unit: Unit) -> float:
        return float(getattr(self, unit))


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelSize:
    """What the FLOPs of a model follow from."""

    parameters: int
    """Parameters that take part in a matrix product: a tied embedding once, an untied input embedding not."""
    trained: int
    """Those of them that have gradients."""
    layers: int
    width: int

    def forward_flops(self, lengths: Iterable[int]) -> int:
        """FLOPs of one forward pass over sequences: 2N a token, plus causal attention's 2 L d S^2 a sequence.

        Source: Kaplan et al. 2020, arXiv 2001.08361, 2.1.
        """
        return sum(2 * self.parameters * length + 2 * self.layers * self.width * length**2 for length in lengths)

    def training_flops(self, lengths: Sequence[int]) -> int:
        """FLOPs of forward and backward: three forward passes (6N a token) where all weights are trained.

        Frozen weights pass gradients on and have none themselves, which spares them the third.
        """
        return 3 * self.forward_flops(lengths) - 2 * (self.parameters - self.trained) * sum(lengths)
