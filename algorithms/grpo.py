"""GRPO: PPO's clipped surrogate for tokens with group-relative advantages."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, get_args

from torch import Tensor

from algorithms.checks import not_negative, one_of, positive, present
from algorithms.later import LATER
from algorithms.ops import (
    clipped_surrogate,
    group_mean,
    group_std,
    k3,
    masked_sum,
    refuse_singletons,
    token_log_ratio,
)
from algorithms.types import Batch, Family, LossOutput, PolicyOutput

Aggregate = Literal["sequence_mean", "token_mean", "constant"]

STD_FLOOR = 1e-4
"""Added to a group's standard deviation before dividing by it."""


def group_advantages(rewards: Tensor, group: Tensor, normalise_std: bool) -> Tensor:
    """Rewards minus their group's mean, optionally over its standard deviation (ddof = 1): [B], [B] -> [B].

    Raises ValueError if a group has a single completion.
    """
    refuse_singletons(group)
    centred = rewards - group_mean(rewards, group)
    return centred / (group_std(rewards, group) + STD_FLOOR) if normalise_std else centred


def aggregate_tokens(values: Tensor, batch: Batch, aggregate: Aggregate) -> Tensor:
    """Mean [] of token values [B, T] over the step. ``aggregate``: see ``GRPO.aggregate``."""
    count = batch.denominators
    sums = masked_sum(values, batch.mask)
    match aggregate:
        case "sequence_mean":
            return (sums / batch.mask.sum(-1).clamp(min=1)).sum() / count.sequences
        case "token_mean":
            return sums.sum() / count.tokens
        case "constant":
            return sums.sum() / (count.sequences * count.max_tokens)


@dataclass(frozen=True, kw_only=True)
class GRPO:
    """Group relative policy optimisation: the clipped surrogate with the group's rewards as baseline.

    The loss is ``-min(rho A, clip(rho) A) + beta_kl k3`` per token. ``A`` is a completion's reward, centred and scaled
    within its group, plus ``delta``. ``rho`` is the token's probability ratio to the behaviour policy. With one update
    per rollout on fresh completions, ``rho`` is 1 and the clip has no effect. In float32, ``rho`` overflows to infinity
    if a token's log-ratio exceeds 88 nats. The metrics are means over tokens: ``clip_fraction`` of where the clip
    removes the gradient, and ``ratio_mean`` of ``rho``.

    Source: Shao et al. 2024, arXiv 2402.03300, equations 3 and 4.
    """

    family: ClassVar[Family] = "clipped"

    clip_low: float = 0.2
    """If the advantage is negative, the ratio is clipped from below at ``1 - clip_low``."""
    clip_high: float = 0.2
    """If the advantage is positive, the ratio is clipped from above at ``1 + clip_high``."""
    normalise_std: bool = True
    """Whether advantages are divided by the group's standard deviation."""
    beta_kl: float = 0.04
    """Strength of the k3 penalty, in advantage per nat of a token; 0 needs no reference."""
    aggregate: Aggregate = "sequence_mean"
    """The mean over tokens. "sequence_mean": within each sequence, then over sequences. "token_mean": over all tokens.
    "constant": each sequence's sum is divided by the length limit, then averaged over sequences."""

    delta: Annotated[float, LATER] = 0.0
    """Added to every advantage. This lowers the baseline, which pulls the policy towards the sampled completions."""

    def __post_init__(self) -> None:
        not_negative("delta", self.delta)
        positive("clip_low", self.clip_low)
        positive("clip_high", self.clip_high)
        one_of("normalise_std", self.normalise_std, (True, False))
        not_negative("beta_kl", self.beta_kl)
        one_of("aggregate", self.aggregate, get_args(Aggregate))

    @property
    def requires(self) -> frozenset[str]:
        """The behaviour's log-probabilities and a group; the reference if there is a KL term."""
        always = frozenset({"old_logp", "group"})
        return always | {"ref_logp"} if self.beta_kl > 0 else always

    def loss(self, policy: PolicyOutput, batch: Batch) -> LossOutput:
        """The loss of one micro-batch. Raises ValueError if a prompt has a single completion."""
        advantages = group_advantages(batch.rewards, batch.group, self.normalise_std) + self.delta
        old_logp = present("old_logp", batch.old_logp)
        ratio = token_log_ratio(policy.logp, old_logp, batch.mask).exp()  # [B, T]
        token_loss, clipped = clipped_surrogate(ratio, advantages[:, None], self.clip_low, self.clip_high)
        if self.beta_kl > 0:
            ref_logp = present("ref_logp", batch.ref_logp)
            token_loss = token_loss + self.beta_kl * k3(policy.logp, ref_logp, batch.mask)
        metrics = {
            "clip_fraction": aggregate_tokens(clipped.to(ratio.dtype), batch, "token_mean"),
            "ratio_mean": aggregate_tokens(ratio.detach(), batch, "token_mean"),
        }
        return LossOutput(loss=aggregate_tokens(token_loss, batch, self.aggregate), metrics=metrics)
