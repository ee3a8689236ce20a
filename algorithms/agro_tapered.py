"""AGRO that holds its level on old data: what the policy has left counts less, and what was sampled stays likely."""

from dataclasses import dataclass
from typing import ClassVar

import torch

from algorithms.checks import not_negative, one_of, positive, present
from algorithms.ops import log_taper, masked_sum, policy_gradient, regularised_reward, tapered_deviations
from algorithms.types import Batch, Family, LossOutput, PolicyOutput


@dataclass(frozen=True, kw_only=True)
class AGROTapered:
    """AGRO with tapered weights and a pull towards the completions that were sampled.

    ``-mean_i stopgrad(w_i (R_i - R_w) G / (G - 1) + delta) l_i`` with AGRO's ``R = r - beta (l - ref_l)``, the
    weight ``w = min(1, pi / mu)`` of the sequence, and ``R_w`` the group's mean of ``R`` under these weights.

    AGRO's variance under ``mu`` does not see mass that the policy puts where ``mu`` has none, so on old data the
    policy leaks it there. The first part is AGRO under a behaviour proportional to ``min(mu, pi)``: no group has a
    gradient at the optimum ``ref exp(r / beta)``. The second is ``-delta`` times the gradient of ``KL(mu || pi)``:
    it holds the mass where the samples are, and vanishes once ``pi = mu``. So the optimum is AGRO's where the
    behaviour follows the policy, fresh or stale, and moves a little towards ``mu`` on a fixed set.

    The metric ``taper`` is the mean weight ``w`` over completions. With ``taper=False`` and ``delta = 0`` it is AGRO.

    Source: this project; see docs/old-data.md. The taper is that of TOPR (arXiv 2503.14286), the shifted baseline
    that of AsymRE (arXiv 2506.20520).
    """

    family: ClassVar[Family] = "regression"
    requires: ClassVar[frozenset[str]] = frozenset({"ref_logp", "old_logp", "group"})

    beta: float = 0.05
    """Strength of the KL regulariser, in reward per nat of sequence log-ratio."""
    delta: float = 0.1
    """Added to every advantage, in reward: the pull towards what was sampled."""
    taper: bool = True
    """Whether completions that the policy has become less likely to make count less; off, all weights are 1."""

    def __post_init__(self) -> None:
        positive("beta", self.beta)
        not_negative("delta", self.delta)
        one_of("taper", self.taper, (True, False))

    def loss(self, policy: PolicyOutput, batch: Batch) -> LossOutput:
        """The loss of one micro-batch; raises ValueError where a prompt has a single completion."""
        ref_logp, old_logp = present("ref_logp", batch.ref_logp), present("old_logp", batch.old_logp)
        regularised = regularised_reward(batch.rewards, policy.logp, ref_logp, batch.mask, self.beta)
        log_weights = log_taper(policy.logp, old_logp, batch.mask)  # [B] nats
        if not self.taper:
            log_weights = torch.zeros_like(log_weights)
        advantages = tapered_deviations(regularised, log_weights, batch.group) + self.delta
        sequences = batch.denominators.sequences
        loss = policy_gradient(advantages, masked_sum(policy.logp, batch.mask), sequences)
        return LossOutput(loss=loss, metrics={"taper": log_weights.exp().sum() / sequences})
