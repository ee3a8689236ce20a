"""KTO: each completion is judged by itself, against how far the policy has drifted from the reference on average."""

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
    """Kahneman-Tversky optimisation: good completions are valued by a sigmoid above a point, bad ones below it.

    ``mean_i w_i (1 - sigmoid(beta z_i))`` with ``z = (l - ref_l) - z0`` for a desirable completion and its negative for
    another. ``z0``, a constant, is the KL to the reference, estimated from mismatched pairs: the mean over the step of
    ``l - ref_l`` of each prompt with a completion of another prompt, at least 0. Completions are judged one by one:
    there are no pairs and no baseline, so that it learns from prompts whose completions are all right, too.

    As TRL 1.16 has it: these pairs, the mean over all completions, both weights 1. The pairs are one pass of the policy
    and one of the reference more over as many tokens as the rollout batch has, which is charged. They are of the
    policy before the first update on a rollout batch; TRL computes them anew at every update.
    TRL shifts the completions of its batch by one; here the next prompt's stand for each prompt's own.
    Which completions are desirable TRL's data say; here rewards do. The paper could not be read: the loss is that of
    its equations 7 and 8 as TRL's code quotes them.

    Metrics: ``desirable``, the share of completions that are, and ``mismatched_kl``, the point ``z0`` in nats.

    Source: Ethayarajh, Xu, Muennighoff, Jurafsky, Kiela 2024, arXiv 2402.01306.
    """

    family: ClassVar[Family] = "preference"
    requires: ClassVar[frozenset[str]] = frozenset({"ref_logp", "mismatched_log_ratio"})

    beta: float = 0.1
    """How steep the sigmoid is, per nat of sequence log-ratio."""
    desirable_above: float = 0.5
    """A completion is desirable if its reward is larger than this."""
    desirable_weight: float = 1.0
    """Weight of a desirable completion."""
    undesirable_weight: float = 1.0
    """Weight of any other."""

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
