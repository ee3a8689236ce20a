"""TOPR: REINFORCE with tapered weights, so that a bad completion no longer counts once it is unlikely."""

from dataclasses import dataclass
from typing import ClassVar

import torch

from algorithms.checks import not_negative, present
from algorithms.ops import k2, leave_one_out_mean, log_taper, masked_sum, policy_gradient
from algorithms.types import Batch, Family, LossOutput, PolicyOutput


@dataclass(frozen=True, kw_only=True)
class TOPR:
    """Tapered off-policy REINFORCE: full weight for better completions, and at most full weight for worse ones.

    The loss is ``-mean_i stopgrad(w_i A_i) l_i + beta mean_i k2_i``, where ``A`` is the reward minus the mean of the
    prompt's other completions. ``w`` is 1 if ``A`` is positive, and ``min(pi / mu, 1)`` of the sequence if ``A`` is
    negative. So a completion is no longer pushed down once it is unlikely. On fresh samples this is REINFORCE.

    There are two differences from the paper. In the paper, rewards are 1 or -1 minus a constant, and their sign
    separates good from bad completions. Here the baseline is that of the prompt, as in the other policy gradients of
    this package, and the sign is that of the advantage. The paper has no KL. Here it is in the loss, as in REINFORCE.

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
        """The loss of one micro-batch. Raises ValueError if a prompt has a single completion."""
        sequences = batch.denominators.sequences
        advantages = batch.rewards - leave_one_out_mean(batch.rewards, batch.group)
        log_weights = log_taper(policy.logp, present("old_logp", batch.old_logp), batch.mask)  # [B] nats
        taper = torch.where(advantages < 0, log_weights.exp(), 1.0)
        loss = policy_gradient(taper * advantages, masked_sum(policy.logp, batch.mask), sequences)
        if self.beta > 0:
            kl = k2(policy.logp, present("ref_logp", batch.ref_logp), batch.mask)
            loss = loss + self.beta * kl.sum() / sequences
        return LossOutput(loss=loss, metrics={"taper": taper.sum() / sequences})
