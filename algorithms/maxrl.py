"""MaxRL: policy gradient towards the likelihood of being right, not its probability."""

from dataclasses import dataclass
from typing import ClassVar

import torch

from algorithms.ops import group_mean, masked_sum, policy_gradient, refuse_singletons
from algorithms.types import Batch, Family, LossOutput, PolicyOutput


@dataclass(frozen=True, kw_only=True)
class MaxRL:
    """Maximum likelihood reinforcement learning: rare successes weigh more.

    ``-mean_i (r_i - rbar) / rbar * l_i``, ``rbar`` the mean reward of the group, and nothing where it is 0. For
    rewards of 0 and 1 on fresh samples, its expected gradient is that of ``log p``, ``p`` the probability of being
    right, expanded in ``1 - p`` to order ``G - 1``. A mean below 0, which no success rate has, counts as 0. It has no
    importance weights and no KL.

    Source: Tajwar et al. 2026, arXiv 2602.02710.
    """

    family: ClassVar[Family] = "policy gradient"
    requires: ClassVar[frozenset[str]] = frozenset({"group"})

    def loss(self, policy: PolicyOutput, batch: Batch) -> LossOutput:
        """The loss of one micro-batch; raises ValueError where a prompt has a single completion."""
        refuse_singletons(batch.group)
        mean = group_mean(batch.rewards, batch.group)
        advantages = torch.where(mean > 0, (batch.rewards - mean) / mean, 0.0)
        sequence_logp = masked_sum(policy.logp, batch.mask)
        return LossOutput(loss=policy_gradient(advantages, sequence_logp, batch.denominators.sequences))
