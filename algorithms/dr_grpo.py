"""Dr. GRPO: GRPO without its two biases."""

from dataclasses import dataclass

from algorithms.grpo import GRPO
from algorithms.types import Batch, LossOutput, PolicyOutput


@dataclass(frozen=True, kw_only=True, slots=True)
class DrGRPO:
    """GRPO done right: neither divided by the group's standard deviation nor by the completion's length.

    Dividing by the standard deviation favours prompts that are too easy or too hard, dividing by the length
    favours long wrong answers; here each sequence's sum is divided by the length limit. Metrics as in GRPO.

    Source: Liu et al. 2025, arXiv 2503.20783, section 3.
    """

    clip_low: float = 0.2
    """The ratio is clipped below at ``1 - clip_low``, where the advantage is negative."""
    clip_high: float = 0.2
    """The ratio is clipped above at ``1 + clip_high``, where the advantage is positive."""
    beta_kl: float = 0.0
    """Strength of the k3 penalty, in advantage per nat of a token; 0, as in the paper, needs no reference."""

    def __post_init__(self) -> None:
        self._grpo()  # checks the fields

    @property
    def requires(self) -> frozenset[str]:
        """The behaviour's log-probabilities and a group; the reference if there is a KL term."""
        return self._grpo().requires

    def loss(self, policy: PolicyOutput, batch: Batch) -> LossOutput:
        """The loss of one micro-batch; raises ValueError where a prompt has a single completion."""
        return self._grpo().loss(policy, batch)

    def _grpo(self) -> GRPO:
        return GRPO(
            clip_low=self.clip_low,
            clip_high=self.clip_high,
            beta_kl=self.beta_kl,
            normalise_std=False,
            aggregate="constant",
        )
