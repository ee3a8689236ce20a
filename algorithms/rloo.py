"""RLOO: policy gradient with the KL in the reward and a leave-one-out baseline."""

from dataclasses import dataclass
from typing import ClassVar

from algorithms.checks import positive, present
from algorithms.ops import leave_one_out_mean, masked_sum, policy_gradient, regularised_reward
from algorithms.types import Batch, Family, LossOutput, PolicyOutput


@dataclass(frozen=True, kw_only=True)
class RLOO:
    """REINFORCE leave-one-out, with the KL to the reference inside the reward.

    The loss is ``-mean_i stopgrad(R_i - mean_{j != i} R_j) l_i`` with ``R = r - beta (l - ref_l)``. On-policy, its
    expected gradient is exactly that of the KL-regularised reward. For each sample, its gradient equals AGRO's. The
    published form takes the KL of the policy that sampled, and clips a ratio. That is ``rloo_published``.

    Source: Ahmadian et al. 2024, arXiv 2402.14740.
    """

    family: ClassVar[Family] = "policy gradient"
    requires: ClassVar[frozenset[str]] = frozenset({"ref_logp", "group"})

    beta: float = 0.05
    """Strength of the KL regulariser, in reward per nat of sequence log-ratio."""

    def __post_init__(self) -> None:
        positive("beta", self.beta)

    def loss(self, policy: PolicyOutput, batch: Batch) -> LossOutput:
        """The loss of one micro-batch. Raises ValueError if a prompt has a single completion."""
        ref_logp = present("ref_logp", batch.ref_logp)
        regularised = regularised_reward(batch.rewards, policy.logp, ref_logp, batch.mask, self.beta)
        advantages = regularised - leave_one_out_mean(regularised, batch.group)
        sequence_logp = masked_sum(policy.logp, batch.mask)
        return LossOutput(loss=policy_gradient(advantages, sequence_logp, batch.denominators.sequences))
