"""M2PO: drops the tokens of the step whose probability has changed most, until the others have changed little."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

import torch
from torch import Tensor

from algorithms.checks import one_of, positive, present
from algorithms.grpo import aggregate_tokens, group_advantages
from algorithms.ops import token_log_ratio
from algorithms.types import Batch, Family, LossOutput, PolicyOutput

Judged = Literal["all", "outward"]


@dataclass(frozen=True, kw_only=True)
class M2PO:
    """Second-moment trust policy optimisation: importance weights without a clip, on tokens that have changed little.

    The loss is ``-rho A`` per token, where ``rho`` is the token's probability ratio to the behaviour policy and ``A``
    is as in GRPO. Let ``pi`` be the policy before this update. Tokens of the optimiser step are dropped, those with the
    largest ``(log pi - log mu)^2`` first, until the mean over the others is at most ``tau``. Dropped tokens still count
    in the denominator. Tokens that tie with the first dropped one are dropped too, so that the order does not matter.

    Here, as in AReaL's code, any token may be dropped. In algorithm 1 of the paper's final version and in the authors'
    code, only tokens that PPO's clip would hold back may be dropped: ``judged="outward"``. AReaL uses the policy before
    the first update on a batch, treats each micro-batch on its own, and always keeps one token. The paper, like this
    implementation, uses the policy before each update, over the whole update. This needs one more pass of the policy
    over the completions of the update, for which the objective is charged. The paper was not available to us, so the
    algorithm follows Trinity-RFT's code.

    The metrics are means over the step's tokens: ``dropped``, the share of dropped tokens; ``second_moment``, before
    any are dropped; and ``ratio_mean`` of ``rho``, with 0 for dropped tokens.

    Source: Zheng, Zhao, Chen 2025, arXiv 2510.01161.
    """

    family: ClassVar[Family] = "clipped"
    requires: ClassVar[frozenset[str]] = frozenset({"old_logp", "current_logp", "group"})
    reads_scores: ClassVar[bool] = True

    tau: float = 0.04
    """The largest mean square of the kept tokens' log-ratios, in square nats."""
    judged: Judged = "all"
    """The tokens that may be dropped and that count in the mean: "all", or "outward" for those whose ratio has moved in
    the direction of their advantage."""

    def __post_init__(self) -> None:
        positive("tau", self.tau)
        one_of("judged", self.judged, get_args(Judged))

    def overview(self, parts: Sequence[Batch]) -> Mapping[str, Tensor]:
        """The smallest square at which tokens are dropped; infinite if none is dropped."""
        squares = [torch.where(self._judged(part), self._squares(part), torch.inf).flatten() for part in parts]
        ordered = torch.cat(squares).double().sort().values
        means = ordered.cumsum(0) / torch.arange(1, len(ordered) + 1, device=ordered.device)
        kept = (means <= self.tau).sum()  # the means of an increasing sequence increase
        beyond = torch.cat([ordered, ordered.new_full((1,), torch.inf)])
        return {"cut": beyond.gather(0, kept[None])[0]}

    def loss(self, policy: PolicyOutput, batch: Batch) -> LossOutput:
        """The loss of one micro-batch. Raises ValueError if a prompt has a single completion."""
        squares = self._squares(batch)
        dropped = self._judged(batch) & (squares >= batch.totals["cut"])
        log_ratio = token_log_ratio(policy.logp, present("old_logp", batch.old_logp), batch.mask)
        ratio = torch.where(dropped, 0.0, torch.where(dropped, 0.0, log_ratio).exp())  # before exp: it may overflow
        advantages = group_advantages(batch.rewards, batch.group, normalise_std=True)[:, None]
        metrics = {
            "dropped": aggregate_tokens(dropped.to(ratio.dtype), batch, "token_mean"),
            "second_moment": aggregate_tokens(squares, batch, "token_mean"),
            "ratio_mean": aggregate_tokens(ratio.detach(), batch, "token_mean"),
        }
        return LossOutput(loss=aggregate_tokens(-ratio * advantages, batch, "token_mean"), metrics=metrics)

    def _log_ratio(self, batch: Batch) -> Tensor:
        """Log-ratio of the policy before this update to the behaviour policy, [B, T], 0 at padding."""
        current, old = present("current_logp", batch.current_logp), present("old_logp", batch.old_logp)
        return token_log_ratio(current, old, batch.mask)

    def _squares(self, batch: Batch) -> Tensor:
        return self._log_ratio(batch) ** 2

    def _judged(self, batch: Batch) -> Tensor:
        """Which tokens may be dropped, [B, T] bool."""
        if self.judged == "all":
            return batch.mask
        advantages = group_advantages(batch.rewards, batch.group, normalise_std=False)[:, None]
        return batch.mask & (self._log_ratio(batch) * advantages > 0)
