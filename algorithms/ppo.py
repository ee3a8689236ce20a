"""PPO: a critic's advantages for each token, in the clipped surrogate."""

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
    """``-beta (judged_logp - ref_logp)`` at each token and the reward at the last sampled one: [B, T].

    judged_logp [B, T] are of the policy whose KL to the reference is paid for; not read where beta is 0.
    """
    last = batch.mask & ~torch.nn.functional.pad(batch.mask[:, 1:], (0, 1))
    rewards = torch.where(last, batch.rewards[:, None], 0.0)
    if beta == 0:
        return rewards
    ref_logp = present("ref_logp", batch.ref_logp)
    return rewards - beta * token_log_ratio(judged_logp, ref_logp, batch.mask)


@dataclass(frozen=True, kw_only=True)
class PPO:
    """Proximal policy optimisation as in RLHF: a critic, token-level advantages, a clipped surrogate.

    Token rewards carry the KL to the reference, measured under the behaviour policy; advantages are GAE
    without discount. Nothing follows the last token of a completion, cut or not: a cut one is judged as it
    stands, as it is where the harness measures accuracy. The critic learns by a clipped squared error
    towards advantage plus old value. Whitening and the variances are those of the step's sampled tokens
    (ddof = 0): where a batch is cut into minibatches, of each minibatch by itself, while TRL and verl whiten
    a batch before they cut it. Several epochs of minibatches over one batch of rollouts are not the
    objective's: ``optimizer.updates_per_rollout`` and ``optimizer.minibatches`` set them for any objective,
    and with one update the clip is inert.

    Metrics are means over tokens: ``clip_fraction`` and ``ratio_mean`` as in GRPO, ``value_loss`` before
    its coefficient, and ``explained_variance``, ``1 - Var[G - V] / Var[G]`` with ``G`` the sum of the
    token rewards still to come and ``V`` the old value; NaN where ``G`` is the same everywhere.

    Source: Schulman et al. 2017, arXiv 1707.06347, equation 7; Ouyang et al. 2022, arXiv 2203.02155.
    """

    family: ClassVar[Family] = "clipped"

    beta: float = 0.05
    """Strength of the KL in the token rewards, in reward per nat; 0 needs no reference."""
    gae_lambda: float = 0.95
    """Decay of the advantage estimates: 1 trusts the rewards alone, 0 the critic's next value."""
    whiten: bool = True
    """Whether advantages are shifted and scaled to mean 0 and variance 1 over the step's tokens."""
    clip: float = 0.2
    """The ratio is clipped to within this of 1."""
    value_clip: float = 0.2
    """The new value counts as at most this far from the old one where that makes the error larger."""
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
        """The behaviour's log-probabilities and a critic; the reference if there is a KL. No group."""
        always = frozenset({"old_logp", "values"})
        return always | {"ref_logp"} if self.beta > 0 else always

    def totals(self, batch: Batch) -> Mapping[str, Tensor]:
        """Moments of the advantages, of the returns, and of what the critic misses of the returns."""
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
        """Where the clip of the ratio is centred: a number or [B, T]."""
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
        """Half the squared error of each token's value, clipped or not, whichever is larger: [B, T]."""
        old = present("old_values", batch.old_values)
        new = torch.where(batch.mask, present("values", policy.values), 0.0)  # no gradient through padding
        returns = estimates + old
        near = old + (new - old).clamp(-self.value_clip, self.value_clip)
        return 0.5 * torch.maximum((new - returns) ** 2, (near - returns) ** 2)


def _explained_variance(totals: Mapping[str, Tensor]) -> Tensor:
    there_is = variance("return", totals)
    return torch.where(there_is > 0, 1 - variance("missed", totals) / there_is, torch.nan)
