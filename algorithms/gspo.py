"""GSPO: GRPO with one ratio for each sequence."""

from dataclasses import dataclass, field

from algorithms.checks import present
from algorithms.grpo import GRPO, Aggregate, aggregate_tokens, group_advantages
from algorithms.ops import clipped_surrogate, k3, token_log_ratio
from algorithms.types import Batch, LossOutput, PolicyOutput


@dataclass(frozen=True, kw_only=True)
class GSPO(GRPO):
    """Group sequence policy optimisation: ratios and clips of whole sequences, which are also what rewards judge.

    The loss is ``-min(s A, clip(s) A)`` per sequence. ``s = exp((l - old_l) / length)`` is the geometric mean of the
    ratios of its tokens, which is why the clip is so narrow. ``A`` is GRPO's advantage, divided by the standard
    deviation. The metrics are means over sequences: ``clip_fraction``, and ``ratio_mean`` of ``s``.

    Source: Zheng et al. 2025, arXiv 2507.18071, equations 5 to 7; the clip range from section 5.1.
    """

    clip_low: float = 3e-4
    clip_high: float = 4e-4
    normalise_std: bool = field(default=True, init=False)
    beta_kl: float = 0.0
    """Strength of the k3 penalty (a mean over a sequence's tokens), in advantage per nat. 0 needs no reference."""
    aggregate: Aggregate = field(default="sequence_mean", init=False)
    delta: float = field(default=0.0, init=False)

    def loss(self, policy: PolicyOutput, batch: Batch) -> LossOutput:
        """The loss of one micro-batch. Raises ValueError if a prompt has a single completion."""
        advantages = group_advantages(batch.rewards, batch.group, self.normalise_std)
        log_ratio = token_log_ratio(policy.logp, present("old_logp", batch.old_logp), batch.mask).sum(-1)
        ratio = (log_ratio / batch.mask.sum(-1).clamp(min=1)).exp()  # [B]
        losses, clipped = clipped_surrogate(ratio, advantages, self.clip_low, self.clip_high)
        sequences = batch.denominators.sequences
        loss = losses.sum() / sequences
        if self.beta_kl > 0:
            penalty = k3(policy.logp, present("ref_logp", batch.ref_logp), batch.mask)
            loss = loss + self.beta_kl * aggregate_tokens(penalty, batch, self.aggregate)
        metrics = {
            "clip_fraction": clipped.to(ratio.dtype).sum() / sequences,
            "ratio_mean": ratio.detach().sum() / sequences,
        }
        return LossOutput(loss=loss, metrics=metrics)
