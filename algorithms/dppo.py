"""DPPO: a token is masked once its probability, instead of its ratio, has changed far enough."""

from dataclasses import dataclass
from typing import ClassVar

import torch

from algorithms.checks import at_most_one, positive, present
from algorithms.grpo import aggregate_tokens, group_advantages
from algorithms.ops import capped_ratio
from algorithms.types import Batch, Family, LossOutput, PolicyOutput


@dataclass(frozen=True, kw_only=True)
class DPPO:
    """Divergence proximal policy optimisation: PPO's clip with a distance of probabilities instead of the ratio.

    The loss is the mean of ``-stopgrad(min(rho, cap)) A M logp`` over the step's tokens, where ``A`` is a completion's
    reward minus its group's mean, and ``p`` is the probability of the sampled token. The mask ``M`` is 0 if ``A > 0``
    and ``p - p_old > delta``, or if ``A < 0`` and ``p_old - p > delta``, and 1 otherwise. ``|p - p_old|`` is the total
    variation between the two distributions over "this token" and "any other token". So a rare token may become ten
    times as likely, but the probability of a very likely token may not halve.

    This is the "binary TV" form; the paper has others. Thresholds and advantage are those of prime-rl, which also adds
    a squared log-ratio with weight 0.001. The cap is verl's.

    The metrics are means over tokens: ``clip_fraction`` of where ``M`` is 0, and ``ratio_mean`` of ``min(rho, cap)``.

    Source: Qi et al. 2026, arXiv 2602.04879; the formula as in verl and prime-rl.
    """

    family: ClassVar[Family] = "clipped"
    requires: ClassVar[frozenset[str]] = frozenset({"old_logp", "group"})

    delta: float = 0.2
    """The largest change of a token's probability in the direction of its advantage, from 0 to 1."""
    cap: float = 20.0
    """The largest importance weight of a token."""

    def __post_init__(self) -> None:
        at_most_one("delta", self.delta)
        positive("cap", self.cap)

    def loss(self, policy: PolicyOutput, batch: Batch) -> LossOutput:
        """The loss of one micro-batch. Raises ValueError if a prompt has a single completion."""
        advantages = group_advantages(batch.rewards, batch.group, normalise_std=False)[:, None]
        old_logp = present("old_logp", batch.old_logp)
        weight, _ = capped_ratio(policy.logp, old_logp, batch.mask, self.cap)
        moved = torch.where(batch.mask, policy.logp.detach().exp() - old_logp.exp(), 0.0)  # [B, T] change
        stopped = torch.where(advantages > 0, moved > self.delta, (advantages < 0) & (moved < -self.delta))
        token_loss = -torch.where(stopped, 0.0, weight) * advantages * policy.logp
        metrics = {
            "clip_fraction": aggregate_tokens(stopped.to(weight.dtype), batch, "token_mean"),
            "ratio_mean": aggregate_tokens(weight, batch, "token_mean"),
        }
        return LossOutput(loss=aggregate_tokens(token_loss, batch, "token_mean"), metrics=metrics)
