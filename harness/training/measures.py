"""The metrics of an update, summed over its micro-batches without waiting for the device."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from algorithms.ops import k1, k3, masked_sum, token_log_ratio
from algorithms.types import Batch

Metrics = dict[str, float]


@dataclass(slots=True)
class Tally:
    """Sums of metrics, or maxima if their names end in ``_max``. They are tensors on the device until they are read.

    Reading a number makes the processor wait for a GPU, so all are read together, once for each update.
    """

    totals: dict[str, Tensor] = field(default_factory=dict)

    def add(self, found: Mapping[str, Tensor]) -> None:
        """Add the metrics of a micro-batch, each of shape []."""
        for name, value in found.items():
            value = torch.as_tensor(value).detach().double()  # objectives of users may give plain numbers
            before = self.totals.get(name)
            if before is None:
                self.totals[name] = value
            else:
                self.totals[name] = torch.maximum(before, value) if name.endswith("_max") else before + value

    def read(self) -> Metrics:
        """The numbers by name. Empty without micro-batches."""
        if not self.totals:
            return {}
        first, *_ = values = list(self.totals.values())
        return dict(zip(self.totals, torch.stack([value.to(first.device) for value in values]).tolist(), strict=True))


def measures(logp: Tensor, batch: Batch, engine_logp: Tensor, *, fresh: bool) -> dict[str, Tensor]:
    """Metrics that are the same for all objectives, in nats per sequence (per token between engine and trainer).

    Args:
        logp: [B, T] of the policy
        batch: the micro-batch
        engine_logp: [B, T] of the policy that sampled
        fresh: whether the policy has not changed since it sampled
    """
    count = batch.denominators.sequences
    log_ratio = k1(logp, engine_logp, batch.mask)  # [B] of the sequences
    found = {
        "train/surprisal": -masked_sum(logp, batch.mask).sum().double() / count,
        "train/kl_from_behaviour": -log_ratio.sum().double() / count,
        "train/ratio_mean": log_ratio.double().exp().sum() / count,  # double, because exp may be large
    }
    trainer_logp = logp if fresh else batch.old_logp  # under the weights that sampled
    if trainer_logp is not None:
        gap = token_log_ratio(trainer_logp, engine_logp, batch.mask)
        tokens = batch.denominators.tokens
        found["engine/logp_gap_mean"] = gap.abs().sum().double() / tokens
        found["engine/logp_gap_max"] = gap.abs().max()
        found["engine/kl_k3"] = k3(engine_logp, trainer_logp, batch.mask).sum().double() / tokens
    if batch.ref_logp is not None and fresh:  # these are only estimates on fresh completions
        found["train/kl"] = k1(logp, batch.ref_logp, batch.mask).sum().double() / count
        found["train/kl_k3"] = k3(logp, batch.ref_logp, batch.mask).sum().double() / count
    return found
