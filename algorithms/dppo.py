"""DPPO: a token is left alone once its probability, not its ratio, has moved far enough."""

from dataclasses import dataclass
from typing import ClassVar

import torch

from algorithms.checks import at_most_one, positive, present
from algorithms.grpo import aggregate_tokens, group_advantages
from algorithms.ops import capped_ratio
from algorithms.types import Batch, Family, LossOutput, PolicyOutput


@dataclass(frozen=True, kw_only=True)
class DPPO:
    """Divergence proximal policy optimisation: PPO's clip with a distance of probabilities in place of the ratio.

    ``-stopgrad(min(rho, cap)) A M logp``, the mean over the step's tokens, ``A`` a completion's reward less its
    group's mean. ``M`` is 0 where ``A > 0`` and ``p - p_old > delta``, and where ``A < 0`` and ``p_old - p > delta``,
    ``p`` the sampled token's probability; else 1. ``|p - p_old|`` is the total variation between two-way policies:
    this token or any other. So a rare token may become ten times as likely, and a sure one may not halve.

    This is the "binary TV" form; the paper has others. Thresholds and advantage are prime-rl's, which adds a squared
    log-ratio of weight 0.001; the cap is verl's.

    Metrics are means over tokens: ``clip_fraction``, where ``M`` is 0, and ``ratio_mean``, of ``min(rho, cap)``.

    Source: Qi et al. 2026, arXiv 2602.04879; the formula as in verl and prime-rl.
    """

    family: ClassVar[Family] = "clipped"
    requires: ClassVar[frozenset[str]] = frozenset({"old_logp", "group"})

    delta: float = 0.2
    """How far a token's probability may move in the direction it is pushed, from 0 to 1."""
    cap: float = 20.0
    """Largest importance weight of a token."""

    def __post_init__(self) -> None:
        at_most_one("delta", self.delta)
        positive("cap", self.cap)

    def loss(self, policy: PolicyOutput, batch: Batch) -> LossOutput:
        """The loss of one micro-batch; raises ValueError where a prompt has a single completion."""
        advantages = group_advantages(batch.rewards, batch.group, normalise_std=False)[:, None]
        old_logp = present("old_logp", batch.old_logp)
        weight, _ = capped_ratio(policy.logp, old_logp, batch.mask, self.cap)
        moved = torch.where(batch.mask, policy.logp.detach().exp() - old_logp.exp(), 0.0)  # [B, T] of probability
        stopped = torch.where(advantages > 0, moved > self.delta, (advantages < 0) & (moved < -self.delta))
        token_loss = -torch.where(stopped, 0.0, weight) * advantages * policy.logp
        metrics = {
            "clip_fraction": aggregate_tokens(stopped.to(weight.dtype), batch, "token_mean"),
            "ratio_mean": aggregate_tokens(weight, batch, "token_mean"),
        }
        return LossOutput(loss=aggregate_tokens(token_loss, batch, "token_mean"), metrics=metrics)
