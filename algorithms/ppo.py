"""PPO: the clipped surrogate with a critic's advantages for each token."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from algorithms.checks import at_most_one, not_negative, one_of, positive, present
from algorithms.grpo import aggregate_tokens
from algorithms.moments import moments, variance, whitened
from algorithms.ops import clipped_surrogate, gae, token_log_ratio
from algorithms.types import Batch, Family, LossOutput, PolicyOutput


def token_rewards(batch: Batch, beta: float, judged_logp: Tensor) -> Tensor:
    """[B, T] ``-beta (judged_logp - ref_logp)`` at each token, plus the reward at the last sampled token.

    judged_logp [B, T] belongs to the policy whose KL from the reference is penalised. It is not used if beta is 0.
    """
    last = batch.mask & ~torch.nn.functional.pad(batch.mask[:, 1:], (0, 1))
    rewards = torch.where(last, batch.rewards[:, None], 0.0)
    if beta == 0:
        return rewards
    ref_logp = present("ref_logp", batch.ref_logp)
    return rewards - beta * token_log_ratio(judged_logp, ref_logp, batch.mask)


@dataclass(frozen=True, kw_only=True)
class PPO:
    """Proximal policy optimisation as in RLHF: a critic, token-level advantages, and a clipped surrogate.

    Token rewards include the KL from the reference, measured under the behaviour policy. Advantages are GAE without
    discount. The state after the last token of a completion has value 0, even if the completion was cut: like in
    evaluations, a cut completion is judged as it is. The critic minimises a clipped squared error to advantage plus old
    value. Whitening and variances are over the step's sampled tokens (ddof = 0). If a batch is split into minibatches,
    each is whitened on its own; TRL and verl whiten a batch before they split it. The number of epochs and minibatches
    per rollout batch is not part of the objective. ``optimizer.updates_per_rollout`` and ``optimizer.minibatches`` set
    them for any objective. With one update, the clip has no effect.

    The metrics are means over tokens: ``clip_fraction`` and ``ratio_mean`` as in GRPO, ``value_loss`` before its
    coefficient, and ``explained_variance``. The last is ``1 - Var[G - V] / Var[G]``, where ``G`` is the sum of the
    remaining token rewards and ``V`` the old value. It is NaN if ``G`` is constant.

    Source: Schulman et al. 2017, arXiv 1707.06347, equation 7; Ouyang et al. 2022, arXiv 2203.02155.
    """

    family: ClassVar[Family] = "clipped"

    beta: float = 0.05
    """Strength of the KL in the token rewards, in reward per nat; 0 needs no reference."""
    gae_lambda: float = 0.95
    """Decay of the advantage estimates: 1 uses only the rewards, 0 only the critic's next value."""
    whiten: bool = True
    """Whether advantages are shifted and scaled to mean 0 and variance 1 over the step's tokens."""
    clip: float = 0.2
    """The ratio is clipped to this distance from 1."""
    value_clip: float = 0.2
    """The new value is clipped to this distance from the old one, if this makes the error larger."""
    value_coefficient: float = 0.1
    """Weight of the critic's loss."""

    def __post_init__(self) -> None:
        not_negative("beta", self.beta)
        at_most_one("gae_lambda", self.gae_lambda)
        one_of("whiten", self.whiten, (True, False))
        positive("clip", self.clip)
        positive("value_clip", self.value_clip)
        not_negative("value_coefficient", self.value_coefficient)

    @property
    def requires(self) -> frozenset[str]:
        """The behaviour's log-probabilities and a critic, and the reference if there is a KL. No group is needed."""
        always = frozenset({"old_logp", "values"})
        return always | {"ref_logp"} if self.beta > 0 else always

    def totals(self, batch: Batch) -> Mapping[str, Tensor]:
        """Moments of the advantages, of the returns, and of the critic's errors in the returns."""
        returns = self._token_rewards(batch).flip(-1).cumsum(-1).flip(-1)
        missed = returns - present("old_values", batch.old_values)
        return (
            moments("advantage", self._advantages(batch), batch)
            | moments("return", returns, batch)
            | moments("missed", missed, batch)
        )

    def loss(self, policy: PolicyOutput, batch: Batch) -> LossOutput:
        """The loss of one micro-batch, policy and critic together."""
        estimates = self._advantages(batch)
        advantages = whitened("advantage", estimates, batch.totals) if self.whiten else estimates
        ratio = token_log_ratio(policy.logp, present("old_logp", batch.old_logp), batch.mask).exp()  # [B, T]
        token_loss, clipped = clipped_surrogate(ratio, advantages, self.clip, self.clip, self.centre(batch))
        value_loss = aggregate_tokens(self._value_errors(policy, batch, estimates), batch, "token_mean")
        metrics = {
            "clip_fraction": aggregate_tokens(clipped.to(ratio.dtype), batch, "token_mean"),
            "ratio_mean": aggregate_tokens(ratio.detach(), batch, "token_mean"),
            "value_loss": value_loss.detach(),
            "explained_variance": _explained_variance(batch.totals) * batch.mask.sum() / batch.denominators.tokens,
        }
        loss = aggregate_tokens(token_loss, batch, "token_mean") + self.value_coefficient * value_loss
        return LossOutput(loss=loss, metrics=metrics)

    def centre(self, batch: Batch) -> Tensor | float:
        """The centre of the ratio's clip: a number or [B, T]."""
        return 1.0

    def judged_logp(self, batch: Batch) -> Tensor:
        """Log-probabilities [B, T] of the policy whose advantages are estimated: the behaviour policy."""
        return present("old_logp", batch.old_logp)

    def _token_rewards(self, batch: Batch) -> Tensor:
        return token_rewards(batch, self.beta, self.judged_logp(batch))

    def _advantages(self, batch: Batch) -> Tensor:
        values = present("old_values", batch.old_values)
        return gae(self._token_rewards(batch), values, batch.mask, self.gae_lambda)

    def _value_errors(self, policy: PolicyOutput, batch: Batch, estimates: Tensor) -> Tensor:
        """[B, T] half the squared error of each token's value: the larger of the clipped and the unclipped error."""
        old = present("old_values", batch.old_values)
        new = torch.where(batch.mask, present("values", policy.values), 0.0)  # no gradient through padding
        returns = estimates + old
        near = old + (new - old).clamp(-self.value_clip, self.value_clip)
        return 0.5 * torch.maximum((new - returns) ** 2, (near - returns) ** 2)


def _explained_variance(totals: Mapping[str, Tensor]) -> Tensor:
    there_is = variance("return", totals)
    return torch.where(there_is > 0, 1 - variance("missed", totals) / there_is, torch.nan)
