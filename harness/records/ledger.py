"""The account of what a run has spent: every unit is always counted."""

from dataclasses import dataclass, fields

from harness.config.budget import Unit

TIMED = "seconds_"
"""What the names of timings begin with."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ledger:
    """What was spent. Ledgers add up. Evaluation is counted, and never part of a budget."""

    completions: int = 0
    """Completions of the rollout batches, those taken again from a buffer or a fixed set included; and those of the
    reference that were sampled for what they earn."""
    sampled_completions: int = 0
    """Those of the rollout batches that were sampled for the run, each counted once."""
    shared_completions: int = 0
    """Of the sampled ones, those of a fixed set that was sampled once for all objectives."""
    sampled_tokens: int = 0
    """Of the sampled completions, and of those of the reference."""
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
    """Model FLOPs of sampling, scoring, reference, critic and training, see :class:`harness.models.size.ModelSize`."""
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

    def counts(self) -> dict[str, int]:
        """All of it that is a function of the config."""
        return {f.name: getattr(self, f.name) for f in fields(self) if not f.name.startswith(TIMED)}

    def timings(self) -> dict[str, float]:
        """All seconds: those that count towards a budget, then by phase."""
        by_phase = {f.name: getattr(self, f.name) for f in fields(self) if f.name.startswith(TIMED)}
        return {"seconds": self.seconds} | by_phase

    def spent(self, unit: Unit) -> float:
        return float(getattr(self, unit))
