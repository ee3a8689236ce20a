"""TOPR: REINFORCE that forgets a bad completion once the policy no longer makes it."""

from dataclasses import dataclass
from typing import ClassVar

import torch

from algorithms.checks import not_negative, present
from algorithms.ops import k2, leave_one_out_mean, log_taper, masked_sum, policy_gradient
from algorithms.types import Batch, Family, LossOutput, PolicyOutput


@dataclass(frozen=True, kw_only=True)
class TOPR:
    """Tapered off-policy REINFORCE: full weight to what was better, at most that to what was worse.

    ``-mean_i stopgrad(w_i A_i) l_i + beta mean_i k2_i``, ``A`` the reward less the mean of the prompt's other
    completions, ``w = 1`` where it is positive and ``min(pi / mu, 1)`` of the sequence where it is negative.
    So pushing a completion down stops as it becomes unlikely. On fresh samples it is REINFORCE.

    Two departures from the paper. It tells good from bad by the sign of the reward, 1 or -1, less a constant that sets
    how much the good ones count; here the baseline is the prompt's own, as in this package's other policy gradients,
    and the sign is the advantage's. And it has no KL; here one is in the loss, as in REINFORCE.

    The metric ``taper`` is the mean weight ``w`` over completions.

    Source: Le Roux et al. 2025, arXiv 2503.14286.
    """

    family: ClassVar[Family] = "policy gradient"

    beta: float = 0.05
    """Strength of the KL regulariser, in reward per nat of sequence log-ratio; 0 needs no reference."""

    def __post_init__(self) -> None:
        not_negative("beta", self.beta)

    @property
    def requires(self) -> frozenset[str]:
        """The behaviour's log-probabilities and a group; the reference if there is a KL term."""
        always = frozenset({"old_logp", "group"})
        return always | {"ref_logp"} if self.beta > 0 else always

    def loss(self, policy: PolicyOutput, batch: Batch) -> LossOutput:
        """The loss of one micro-batch; raises ValueError where a prompt has a single completion."""
        sequences = batch.denominators.sequences
        advantages = batch.rewards - leave_one_out_mean(batch.rewards, batch.group)
        log_weights = log_taper(policy.logp, present("old_logp", batch.old_logp), batch.mask)  # [B] nats
        taper = torch.where(advantages < 0, log_weights.exp(), 1.0)
        loss = policy_gradient(taper * advantages, masked_sum(policy.logp, batch.mask), sequences)
        if self.beta > 0:
            kl = k2(policy.logp, present("ref_logp", batch.ref_logp), batch.mask)
            loss = loss + self.beta * kl.sum() / sequences
        return LossOutput(loss=loss, metrics={"taper": taper.sum() / sequences})
