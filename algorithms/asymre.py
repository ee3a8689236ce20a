"""AsymRE: off-policy REINFORCE with a baseline below the mean reward."""

from dataclasses import dataclass
from typing import ClassVar

from algorithms.checks import finite
from algorithms.grpo import group_advantages
from algorithms.ops import masked_sum, policy_gradient
from algorithms.types import Batch, Family, LossOutput, PolicyOutput


@dataclass(frozen=True, kw_only=True)
class AsymRE:
    """Asymmetric REINFORCE: good completions count more than bad ones. There is no other off-policy correction.

    The loss is ``-mean_i (r_i - (mean_j r_j + delta)) l_i``, without importance weights. A baseline below the
    behaviour's value adds ``-delta`` times the log-likelihood of all samples, which keeps the policy on the data. With
    a baseline at that value or above it, training on old completions drives their probabilities to 0. ``delta = 0`` is
    REINFORCE centred on the group's mean. Groups whose rewards are all equal still raise their completions.

    Source: Arnal et al. 2025, arXiv 2506.20520.
    """

    family: ClassVar[Family] = "policy gradient"
    requires: ClassVar[frozenset[str]] = frozenset({"group"})

    delta: float = -0.1
    """Added to the group's mean reward to give the baseline. Values below 0 are safe."""

    def __post_init__(self) -> None:
        finite("delta", self.delta)

    def loss(self, policy: PolicyOutput, batch: Batch) -> LossOutput:
        """The loss of one micro-batch. Raises ValueError if a prompt has a single completion."""
        advantages = group_advantages(batch.rewards, batch.group, normalise_std=False) - self.delta
        sequence_logp = masked_sum(policy.logp, batch.mask)
        return LossOutput(loss=policy_gradient(advantages, sequence_logp, batch.denominators.sequences))
