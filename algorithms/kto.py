"""KTO: each completion is judged on its own, relative to the average drift of the policy from the reference."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from algorithms.checks import finite, not_negative, positive, present
from algorithms.ops import k1
from algorithms.types import Batch, Family, LossOutput, PolicyOutput


@dataclass(frozen=True, kw_only=True)
class KTO:
    """Kahneman-Tversky optimisation: a sigmoid value of the log-ratio relative to a reference point.

    The loss is ``mean_i w_i (1 - sigmoid(beta z_i))`` with ``z = (l - ref_l) - z0`` for a desirable completion, and the
    negative of this for any other. The reference point ``z0`` has no gradient. It is an estimate of the KL from the
    reference: the mean over the step of ``l - ref_l`` for each prompt with a completion of another prompt, and at least
    0. There are no pairs and no baseline, so KTO also learns from prompts whose completions are all right.

    As in TRL 1.16, ``z0`` uses these mismatched pairs, the mean is over all completions, and both weights are 1. The
    pairs need one more pass of the policy and of the reference over as many tokens as the rollout batch has. The
    objective is charged for them. Here they use the policy before the first update on a rollout batch; TRL recomputes
    them at every update. TRL shifts the completions of its batch by one; here each prompt gets the completions of the
    next prompt. In TRL the data say which completions are desirable; here rewards do. The paper was not available to
    us, so the loss follows its equations 7 and 8 as quoted in TRL's code.

    The metrics are ``desirable``, the share of desirable completions, and ``mismatched_kl``, the point ``z0`` in nats.

    Source: Ethayarajh, Xu, Muennighoff, Jurafsky, Kiela 2024, arXiv 2402.01306.
    """

    family: ClassVar[Family] = "preference"
    requires: ClassVar[frozenset[str]] = frozenset({"ref_logp", "mismatched_log_ratio"})

    beta: float = 0.1
    """The steepness of the sigmoid, per nat of sequence log-ratio."""
    desirable_above: float = 0.5
    """A completion is desirable if its reward is larger than this."""
    desirable_weight: float = 1.0
    """Weight of a desirable completion."""
    undesirable_weight: float = 1.0
    """Weight of any other completion."""

    def __post_init__(self) -> None:
        positive("beta", self.beta)
        finite("desirable_above", self.desirable_above)
        not_negative("desirable_weight", self.desirable_weight)
        not_negative("undesirable_weight", self.undesirable_weight)

    def totals(self, batch: Batch) -> Mapping[str, Tensor]:
        """The mean log-ratio of mismatched pairs."""
        log_ratios = present("mismatched_log_ratio", batch.mismatched_log_ratio)
        return {"mismatched": log_ratios.detach().sum() / batch.denominators.sequences}

    def loss(self, policy: PolicyOutput, batch: Batch) -> LossOutput:
        """The loss of one micro-batch."""
        sequences = batch.denominators.sequences
        point = batch.totals["mismatched"].clamp(min=0)
        log_ratio = k1(policy.logp, present("ref_logp", batch.ref_logp), batch.mask)
        desirable = batch.rewards > self.desirable_above
        distance = torch.where(desirable, log_ratio - point, point - log_ratio)
        weight = torch.where(desirable, self.desirable_weight, self.undesirable_weight).to(distance.dtype)
        loss = (weight * torch.sigmoid(-self.beta * distance)).sum() / sequences  # 1 - sigmoid(x) = sigmoid(-x)
        metrics = {
            "desirable": desirable.to(distance.dtype).sum() / sequences,
            "mismatched_kl": point * len(batch.rewards) / sequences,
        }
        return LossOutput(loss=loss, metrics=metrics)
