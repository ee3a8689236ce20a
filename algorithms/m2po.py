"""M2PO: of the whole step, drop the tokens whose probability has changed most, until the rest have changed little."""

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
    """Second-moment trust policy optimisation: importance weights without a clip, over tokens that have not moved far.

    ``-rho A`` per token, ``rho`` the token's probability ratio to the behaviour policy and ``A`` as in GRPO. Of all
    tokens of the optimiser step those with the largest ``(log pi - log mu)^2``, ``pi`` the policy before this update,
    are dropped until the mean of the rest is at most ``tau``. Dropped tokens stay in the denominator, the step's
    tokens. Tokens that tie with the first dropped one are dropped with it, so that their order does not matter.

    Here, as in AReaL's code, all tokens are judged. Algorithm 1 of the paper's final version and the authors' code
    judge those alone that PPO's clip would hold back, and always keep the others: ``judged="outward"``. AReaL takes
    the policy before the first update on a batch, cuts each micro-batch by itself and always keeps one token; the
    paper, as here, the policy of the update over the whole of it. For this the harness passes the update's completions
    through the policy once more, which is charged. The paper could not be read: its algorithm is taken from
    Trinity-RFT's code, which follows it.

    Metrics are means over the step's tokens: ``dropped``, of those that are, ``second_moment``, before any is, and
    ``ratio_mean``, of ``rho`` where a token is kept and 0 where not.

    Source: Zheng, Zhao, Chen 2025, arXiv 2510.01161.
    """

    family: ClassVar[Family] = "clipped"
    requires: ClassVar[frozenset[str]] = frozenset({"old_logp", "current_logp", "group"})
    reads_scores: ClassVar[bool] = True

    tau: float = 0.04
    """The largest mean square of the kept tokens' log-ratios, in square nats."""
    judged: Judged = "all"
    """Which tokens may be dropped, and are counted in the mean: all, or those alone whose ratio has moved in the
    direction that their advantage pushes it to."""

    def __post_init__(self) -> None:
        positive("tau", self.tau)
        one_of("judged", self.judged, get_args(Judged))

    def overview(self, parts: Sequence[Batch]) -> Mapping[str, Tensor]:
        """The square from which on tokens are dropped, infinite if none is."""
        squares = [torch.where(self._judged(part), self._squares(part), torch.inf).flatten() for part in parts]
        ordered = torch.cat(squares).double().sort().values
        means = ordered.cumsum(0) / torch.arange(1, len(ordered) + 1, device=ordered.device)
        kept = (means <= self.tau).sum()  # means of a growing sequence grow
        beyond = torch.cat([ordered, ordered.new_full((1,), torch.inf)])
        return {"cut": beyond.gather(0, kept[None])[0]}

    def loss(self, policy: PolicyOutput, batch: Batch) -> LossOutput:
        """The loss of one micro-batch; raises ValueError where a prompt has a single completion."""
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
        """Of the policy before this update to the behaviour, [B, T], 0 at padding."""
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
