"""RLOO as published: the sampler's KL in the reward, and a clipped ratio of whole sequences."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from algorithms.checks import positive, present
from algorithms.ops import clipped_surrogate, k1, leave_one_out_mean, regularised_reward
from algorithms.types import Batch, Family, LossOutput, PolicyOutput

LARGEST_LOG_RATIO = 20.0
"""The largest log-ratio of a sequence, in nats. The ratio of a long sequence would overflow otherwise."""


@dataclass(frozen=True, kw_only=True)
class RLOOPublished:
    """REINFORCE leave-one-out as in TRL: a completion's regularised reward is fixed when it is sampled.

    The loss is ``-mean_i min(rho_i A_i, clip(rho_i, 1 - eps, 1 + eps) A_i)``. ``rho`` is the sequence's ratio to the
    behaviour policy, and ``A`` the leave-one-out advantage of ``R = r - beta (old_l - ref_l)``. So the KL is the
    *sampler's*. On fresh samples the gradient is that of ``rloo``, which evaluates the KL at the policy in training. On
    other samples the two differ and converge to different policies. The paper's own estimator has no ratio, because it
    samples again for each update.

    Ratios are capped at ``exp(20)``, so that they are finite, but the gradient passes through the cap. The metrics
    ``clip_fraction`` and ``ratio_mean`` are means over sequences.

    Source: Ahmadian et al. 2024, arXiv 2402.14740. The ratio and its clip follow TRL's RLOOTrainer.
    """

    family: ClassVar[Family] = "clipped"
    requires: ClassVar[frozenset[str]] = frozenset({"ref_logp", "old_logp", "group"})

    beta: float = 0.05
    """Strength of the KL regulariser, in reward per nat of the sampler's sequence log-ratio."""
    clip: float = 0.2
    """The ratio is clipped to this distance from 1."""

    def __post_init__(self) -> None:
        positive("beta", self.beta)
        positive("clip", self.clip)

    def loss(self, policy: PolicyOutput, batch: Batch) -> LossOutput:
        """The loss of one micro-batch. Raises ValueError if a prompt has a single completion."""
        old_logp, ref_logp = present("old_logp", batch.old_logp), present("ref_logp", batch.ref_logp)
        regularised = regularised_reward(batch.rewards, old_logp, ref_logp, batch.mask, self.beta)
        advantages = regularised - leave_one_out_mean(regularised, batch.group)
        ratio = _ratio(k1(policy.logp, old_logp, batch.mask))
        losses, clipped = clipped_surrogate(ratio, advantages, self.clip, self.clip)
        sequences = batch.denominators.sequences
        metrics = {
            "clip_fraction": clipped.to(ratio.dtype).sum() / sequences,
            "ratio_mean": ratio.detach().sum() / sequences,
        }
        return LossOutput(loss=losses.sum() / sequences, metrics=metrics)


def _ratio(log_ratio: Tensor) -> Tensor:
    """``exp(log_ratio)`` [B], at most ``exp(20)``. A plain clamp would remove the gradient of capped ratios."""
    held = log_ratio.detach().clamp(max=LARGEST_LOG_RATIO)
    return (held + (log_ratio - log_ratio.detach())).exp()
