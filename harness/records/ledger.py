"""The ledger of a run: what it has spent, in all units."""

from dataclasses import dataclass, fields

from harness.config.budget import Unit

TIMED = "seconds_"
"""The prefix of the names of timings."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ledger:
    """What was spent. Ledgers can be added. Evaluation is counted, but is never part of a budget."""

    completions: int = 0
    """Completions of all rollout batches, including those that are reused from a buffer or a fixed set, and additional
    reference completions that were sampled for their rewards."""
    sampled_completions: int = 0
    """Completions of rollout batches that were sampled for the run, each counted once."""
    shared_completions: int = 0
    """The part of the sampled completions that belongs to a fixed set, which is sampled once for all objectives."""
    sampled_tokens: int = 0
    """Tokens of the sampled completions and of additional reference completions."""
    iterations: int = 0
    """Rollout batches that were trained on."""
    optimizer_steps: int = 0
    trained_tokens: int = 0
    """Prompt and completion tokens of forward and backward passes of the policy, counted in each pass."""
    scored_tokens: int = 0
    """Tokens of passes of the policy without gradient, for scores such as old log-probabilities."""
    reference_tokens: int = 0
    """Tokens of passes of the reference."""
    critic_tokens: int = 0
    """Tokens of passes of the critic, with or without gradient."""
    flops: int = 0
    """Model FLOPs of sampling, scoring, reference, critic and training, see :class:`harness.models.size.ModelSize`."""
    seconds_sampling: float = 0.0
    seconds_grading: float = 0.0
    seconds_training: float = 0.0
    seconds_sync: float = 0.0
    """Seconds for writing the policy's weights into the engine."""
    seconds_evaluation: float = 0.0
    discarded_completions: int = 0
    """Completions that were sampled but exceeded the budget. They were never trained on, and are not in
    ``completions``."""

    def __add__(self, other: "Ledger") -> "Ledger":
        return Ledger(**{f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(self)})

    @property
    def seconds(self) -> float:
        """Wall-clock seconds that count towards a budget."""
        return self.seconds_sampling + self.seconds_grading + self.seconds_training + self.seconds_sync

    def counts(self) -> dict[str, int]:
        """All values that only depend on the config."""
        return {f.name: getattr(self, f.name) for f in fields(self) if not f.name.startswith(TIMED)}

    def timings(self) -> dict[str, float]:
        """All seconds: first those that count towards a budget, then by phase."""
        by_phase = {f.name: getattr(self, f.name) for f in fields(self) if f.name.startswith(TIMED)}
        return {"seconds": self.seconds} | by_phase

    def spent(self, unit: Unit) -> float:
        return float(getattr(self, unit))
