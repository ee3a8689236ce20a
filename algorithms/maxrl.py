"""MaxRL: policy gradient on the log-likelihood of being right, instead of the probability."""

from dataclasses import dataclass
from typing import ClassVar

import torch

from algorithms.ops import group_mean, masked_sum, policy_gradient, refuse_singletons
from algorithms.types import Batch, Family, LossOutput, PolicyOutput


@dataclass(frozen=True, kw_only=True)
class MaxRL:
    """Maximum likelihood reinforcement learning: rare successes have more weight.

    The loss is ``-mean_i (r_i - rbar) / rbar * l_i``, where ``rbar`` is the mean reward of the group. Groups with a
    mean of 0 or below have no gradient. For rewards of 0 and 1 on fresh samples, the expected gradient is that of
    ``log p``, expanded in ``1 - p`` to order ``G - 1``, where ``p`` is the probability of being right. There are no
    importance weights and no KL.

    Source: Tajwar et al. 2026, arXiv 2602.02710.
    """

    family: ClassVar[Family] = "policy gradient"
    requires: ClassVar[frozenset[str]] = frozenset({"group"})

    def loss(self, policy: PolicyOutput, batch: Batch) -> LossOutput:
        """The loss of one micro-batch. Raises ValueError if a prompt has a single completion."""
        refuse_singletons(batch.group)
        mean = group_mean(batch.rewards, batch.group)
        advantages = torch.where(mean > 0, (batch.rewards - mean) / mean, 0.0)
        sequence_logp = masked_sum(policy.logp, batch.mask)
        return LossOutput(loss=policy_gradient(advantages, sequence_logp, batch.denominators.sequences))
