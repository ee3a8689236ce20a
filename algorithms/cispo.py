"""CISPO: capped importance weights for tokens, so that every token has a gradient."""

from dataclasses import dataclass
from typing import ClassVar

from algorithms.checks import positive, present
from algorithms.grpo import aggregate_tokens, group_advantages
from algorithms.ops import capped_ratio
from algorithms.types import Batch, Family, LossOutput, PolicyOutput


@dataclass(frozen=True, kw_only=True)
class CISPO:
    """Clipped importance sampling policy optimisation: GRPO with capped weights instead of dropped tokens.

    The loss is the mean of ``-stopgrad(min(rho, cap)) A logp`` over the step's tokens, with ``A`` and ``rho`` as in
    GRPO. GRPO's clip removes the gradient of a token. Here the gradient remains, with a weight of at most ``cap``.

    Frameworks differ in the clip that they call CISPO. Here the cap applies to the ratio itself and there is no lower
    bound, as in TRL (``epsilon_high``) and ScaleRL. MiniMax-M1 writes ``clip(rho, 1 - eps_low, 1 + eps_high)`` but sets
    no lower bound either; its ``eps_high`` is this cap minus 1. With the same formula, SkyRL's example bounds the ratio
    to 1 and 6, and Trinity-RFT's default to 0 and 1.28. In tinker, the two bounds are given directly.

    The advantage is MiniMax's. ScaleRL divides by the standard deviation of the batch. The papers average over the
    tokens of a prompt's group and then over prompts.

    The metrics are means over tokens: ``clip_fraction`` of where the cap applies, ``ratio_mean`` of ``min(rho, cap)``.

    Source: MiniMax 2025, arXiv 2506.13585, equations 4 and 5; Khatri et al. 2025, arXiv 2510.13786.
    """

    family: ClassVar[Family] = "clipped"
    requires: ClassVar[frozenset[str]] = frozenset({"old_logp", "group"})

    cap: float = 5.0
    """The largest weight of a token, as a ratio and not as a distance from 1."""

    def __post_init__(self) -> None:
        positive("cap", self.cap)

    def loss(self, policy: PolicyOutput, batch: Batch) -> LossOutput:
        """The loss of one micro-batch. Raises ValueError if a prompt has a single completion."""
        advantages = group_advantages(batch.rewards, batch.group, normalise_std=True)[:, None]
        weight, capped = capped_ratio(policy.logp, present("old_logp", batch.old_logp), batch.mask, self.cap)
        loss = aggregate_tokens(-weight * advantages * policy.logp, batch, "token_mean")
        metrics = {
            "clip_fraction": aggregate_tokens(capped.to(weight.dtype), batch, "token_mean"),
            "ratio_mean": aggregate_tokens(weight, batch, "token_mean"),
        }
        return LossOutput(loss=loss, metrics=metrics)
