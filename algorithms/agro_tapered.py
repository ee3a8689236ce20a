"""AGRO for old data: completions that the policy has moved away from count less, and the data stay likely."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from algorithms.checks import at_most_one, not_negative, one_of, positive, present
from algorithms.later import LATER
from algorithms.ops import log_taper, masked_sum, policy_gradient, regularised_reward, tapered_deviations
from algorithms.types import Batch, Family, LossOutput, PolicyOutput


@dataclass(frozen=True, kw_only=True)
class AGROTapered:
    """AGRO with tapered weights and a pull towards the completions that were sampled.

    The loss is ``-mean_i stopgrad(w_i (R_i - R_w) G / (G - 1) + delta) l_i`` with AGRO's ``R = r - beta (l - ref_l)``,
    the sequence weight ``w = min(1, pi / mu) ** power``, and the group's weighted mean ``R_w`` of ``R``.

    AGRO's variance under ``mu`` does not see probability that the policy puts on completions which ``mu`` never
    samples, so on old data the policy leaks probability there. The first part of the loss is AGRO under a behaviour
    proportional to ``mu w``, which is ``min(mu, pi)`` if ``power`` is 1. Its gradient is zero in every group at the
    optimum ``ref exp(r / beta)``. The gradient of the second part is ``delta`` times that of ``KL(mu || pi)``. It keeps
    probability on the samples, and vanishes at ``pi = mu``. So the optimum is AGRO's if the behaviour policy follows
    the policy, with fresh or stale data. On a fixed set it moves slightly towards ``mu``.

    The metric ``taper`` is the mean weight ``w`` over completions. With ``taper=False`` and ``delta = 0`` this is AGRO.

    Source: this project; see docs/old-data.md. The taper comes from TOPR (arXiv 2503.14286), and the shifted baseline
    from AsymRE (arXiv 2506.20520).
    """

    family: ClassVar[Family] = "regression"
    requires: ClassVar[frozenset[str]] = frozenset({"ref_logp", "old_logp", "group"})

    beta: float = 0.05
    """Strength of the KL regulariser, in reward per nat of sequence log-ratio."""
    delta: float = 0.1
    """Added to every advantage, in reward. It pulls the policy towards the sampled completions."""
    taper: bool = True
    """Whether completions that have become less likely count less. If false, all weights are 1."""
    power: Annotated[float, LATER] = 1.0
    """The exponent of the weights, from 0 to 1. With a lower one, completions can become much less likely before they
    stop counting. With 0, all weights are 1."""

    def __post_init__(self) -> None:
        positive("beta", self.beta)
        not_negative("delta", self.delta)
        one_of("taper", self.taper, (True, False))
        at_most_one("power", self.power)

    def loss(self, policy: PolicyOutput, batch: Batch) -> LossOutput:
        """The loss of one micro-batch. Raises ValueError if a prompt has a single completion."""
        ref_logp, old_logp = present("ref_logp", batch.ref_logp), present("old_logp", batch.old_logp)
        regularised = regularised_reward(batch.rewards, policy.logp, ref_logp, batch.mask, self.beta)
        power = self.power if self.taper else 0.0
        log_weights = power * log_taper(policy.logp, old_logp, batch.mask)  # [B] nats
        advantages = tapered_deviations(regularised, log_weights, batch.group) + self.delta
        sequences = batch.denominators.sequences
        loss = policy_gradient(advantages, masked_sum(policy.logp, batch.mask), sequences)
        return LossOutput(loss=loss, metrics={"taper": log_weights.exp().sum() / sequences})
