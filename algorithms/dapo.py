"""DAPO: GRPO with more room above the clip and all tokens alike."""

from dataclasses import dataclass

from algorithms.grpo import GRPO
from algorithms.types import Batch, LossOutput, PolicyOutput


@dataclass(frozen=True, kw_only=True, slots=True)
class DAPO:
    """Decoupled clip: GRPO with a higher upper bound, a mean over tokens, and no KL to the reference.

    Its other two parts are not the objective's and are left out: sampling until no group is tied, and
    rewards shaped by length near the limit. Metrics as in GRPO.

    Source: Yu et al. 2025, arXiv 2503.14476, equation 8.
    """

    clip_low: float = 0.2
    """The ratio is clipped below at ``1 - clip_low``, where the advantage is negative."""
    clip_high: float = 0.28
    """The ratio is clipped above at ``1 + clip_high``, where the advantage is positive."""

    def __post_init__(self) -> None:
        self._grpo()  # checks the fields

    @property
    def requires(self) -> frozenset[str]:
        """The behaviour's log-probabilities and a group."""
        return self._grpo().requires

    def loss(self, policy: PolicyOutput, batch: Batch) -> LossOutput:
        """The loss of one micro-batch; raises ValueError where a prompt has a single completion."""
        return self._grpo().loss(policy, batch)

    def _grpo(self) -> GRPO:
        return GRPO(clip_low=self.clip_low, clip_high=self.clip_high, beta_kl=0.0, aggregate="token_mean")
