"""AGRO with tapered weights, anchored to samples of the optimum itself."""

from dataclasses import dataclass
from typing import ClassVar

from algorithms.checks import not_negative, positive, present
from algorithms.ops import log_taper, masked_sum, policy_gradient, regularised_reward, tapered_deviations
from algorithms.types import Batch, Family, LossOutput, PolicyOutput


@dataclass(frozen=True, kw_only=True)
class AGROAnchored:
    """AGRO's tapered deviations plus a forward KL to the optimum, estimated from the completions of the batch.

    The loss is ``-mean_i stopgrad(w_i (R_i - R_w) G / (G - 1) + eta a_i) l_i``. The first part is that of
    ``agro_tapered``. In the second, ``a = min(1, ref / mu) exp((r - best_reward) / beta)`` for the sequence. On
    completions of the reference, ``a`` is proportional to ``pi* / mu`` with ``pi* = ref exp(r / beta)``. There the
    second part is a forward KL to ``pi*``, whose gradient vanishes at ``pi*``, so the optimum is AGRO's. On other
    completions the ratio is capped at 1, which keeps the variance small at the price of a small bias.

    The metrics ``taper`` and ``anchor`` are means of ``w`` and ``a`` over completions.

    Source: this project; see docs/old-data.md.
    """

    family: ClassVar[Family] = "regression"
    requires: ClassVar[frozenset[str]] = frozenset({"ref_logp", "old_logp", "group"})

    beta: float = 0.05
    """Strength of the KL regulariser, in reward per nat of sequence log-ratio."""
    eta: float = 0.1
    """Weight of the anchor, in reward: the extra advantage of a completion with the best reward and ``ref = mu``."""
    best_reward: float = 1.0
    """The highest reward of the task. A completion with a higher reward would have a weight above ``eta``."""

    def __post_init__(self) -> None:
        positive("beta", self.beta)
        not_negative("eta", self.eta)

    def loss(self, policy: PolicyOutput, batch: Batch) -> LossOutput:
        """The loss of one micro-batch. Raises ValueError if a prompt has a single completion."""
        ref_logp, old_logp = present("ref_logp", batch.ref_logp), present("old_logp", batch.old_logp)
        regularised = regularised_reward(batch.rewards, policy.logp, ref_logp, batch.mask, self.beta)
        log_weights = log_taper(policy.logp, old_logp, batch.mask)  # [B] nats
        from_reference = log_taper(ref_logp, old_logp, batch.mask)  # [B] nats
        anchor = (from_reference + (batch.rewards - self.best_reward) / self.beta).exp()
        advantages = tapered_deviations(regularised, log_weights, batch.group) + self.eta * anchor
        sequences = batch.denominators.sequences
        loss = policy_gradient(advantages, masked_sum(policy.logp, batch.mask), sequences)
        metrics = {"taper": log_weights.exp().sum() / sequences, "anchor": anchor.sum() / sequences}
        return LossOutput(loss=loss, metrics=metrics)
