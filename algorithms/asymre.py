"""AsymRE: off-policy REINFORCE whose baseline lies below the mean reward."""

from dataclasses import dataclass
from typing import ClassVar

from algorithms.checks import finite
from algorithms.grpo import group_advantages
from algorithms.ops import masked_sum, policy_gradient
from algorithms.types import Batch, Family, LossOutput, PolicyOutput


@dataclass(frozen=True, kw_only=True)
class AsymRE:
    """Asymmetric REINFORCE: good completions count for more than bad ones, and nothing else is corrected.

    ``-mean_i (r_i - (mean_j r_j + delta)) l_i``, without importance weights. A baseline below the behaviour's value
    adds ``-delta`` times the log-likelihood of all that was sampled, which keeps the policy where the data are; at the
    value or above it, training on old completions drives their probabilities to 0. ``delta`` 0 is REINFORCE centred
    on the group's mean. A group without a difference still teaches: that its completions are likely.

    Source: Arnal et al. 2025, arXiv 2506.20520.
    """

    family: ClassVar[Family] = "policy gradient"
    requires: ClassVar[frozenset[str]] = frozenset({"group"})

    delta: float = -0.1
    """What is added to the group's mean reward to make the baseline: below 0 is the safe side."""

    def __post_init__(self) -> None:
        finite("delta", self.delta)

    def loss(self, policy: PolicyOutput, batch: Batch) -> LossOutput:
        """The loss of one micro-batch; raises ValueError where a prompt has a single completion."""
        advantages = group_advantages(batch.rewards, batch.group, normalise_std=False) - self.delta
        sequence_logp = masked_sum(policy.logp, batch.mask)
        return LossOutput(loss=policy_gradient(advantages, sequence_logp, batch.denominators.sequences))
