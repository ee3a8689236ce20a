"""CISPO: a capped importance weight beside each token, and no token without a gradient."""

from dataclasses import dataclass
from typing import ClassVar

from algorithms.checks import positive, present
from algorithms.grpo import aggregate_tokens, group_advantages
from algorithms.ops import capped_ratio
from algorithms.types import Batch, Family, LossOutput, PolicyOutput


@dataclass(frozen=True, kw_only=True)
class CISPO:
    """Clipped importance sampling policy optimisation: GRPO that caps its weights instead of dropping tokens.

    ``-stopgrad(min(rho, cap)) A logp``, the mean over the step's tokens, with ``A`` and ``rho`` as in GRPO. GRPO's
    clip stops the gradient of a token; here it goes on, at most ``cap`` times.

    Five frameworks mean five clips by this name. Here the cap is the ratio itself and there is no floor, as in TRL
    (``epsilon_high``) and ScaleRL. MiniMax-M1 writes ``clip(rho, 1 - eps_low, 1 + eps_high)`` and sets no lower bound
    either: its ``eps_high`` is this cap less 1. With the same formula SkyRL's example bounds the ratio by 1 and 6,
    Trinity-RFT's default by 0 and 1.28; tinker takes the two bounds outright.

    The advantage is MiniMax's; ScaleRL divides by the batch's standard deviation. The papers average over the tokens of
    a prompt's group, then over prompts.

    Metrics are means over tokens: ``clip_fraction``, where the cap applied, and ``ratio_mean``, of ``min(rho, cap)``.

    Source: MiniMax 2025, arXiv 2506.13585, equations 4 and 5; Khatri et al. 2025, arXiv 2510.13786.
    """

    family: ClassVar[Family] = "clipped"
    requires: ClassVar[frozenset[str]] = frozenset({"old_logp", "group"})

    cap: float = 5.0
    """Largest weight of a token: a ratio, not a distance from 1."""

    def __post_init__(self) -> None:
        positive("cap", self.cap)

    def loss(self, policy: PolicyOutput, batch: Batch) -> LossOutput:
        """The loss of one micro-batch; raises ValueError where a prompt has a single completion."""
        advantages = group_advantages(batch.rewards, batch.group, normalise_std=True)[:, None]
        weight, capped = capped_ratio(policy.logp, present("old_logp", batch.old_logp), batch.mask, self.cap)
        loss = aggregate_tokens(-weight * advantages * policy.logp, batch, "token_mean")
        metrics = {
            "clip_fraction": aggregate_tokens(capped.to(weight.dtype), batch, "token_mean"),
            "ratio_mean": aggregate_tokens(weight, batch, "token_mean"),
        }
        return LossOutput(loss=loss, metrics=metrics)
