"""REINFORCE++: PPO's clip with returns that are whitened over the step, without a critic."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

from torch import Tensor

from algorithms.checks import not_negative, one_of, positive, present
from algorithms.grpo import aggregate_tokens, group_advantages
from algorithms.moments import moments, whitened
from algorithms.ops import clipped_surrogate, token_log_ratio
from algorithms.ppo import token_rewards
from algorithms.types import Batch, Family, LossOutput, PolicyOutput


@dataclass(frozen=True, kw_only=True)
class ReinforcePP:
    """REINFORCE++: one scale for all prompts of a step, whereas GRPO has one per prompt.

    The loss is the mean of ``-min(rho A, clip(rho) A)`` over the step's tokens. ``A`` is the sum of the remaining token
    rewards, whitened over the step's tokens (ddof = 0). As in PPO, token rewards are ``-beta (old_logp - ref_logp)``,
    with the verifiable reward at the end. So the KL is the sampler's, and completions of all prompts are compared.

    The paper's variant with a baseline puts the KL into the loss. Here it stays in the reward, as in verl and ms-swift.
    If a batch is split into minibatches, each is whitened on its own. The metrics are means over tokens:
    ``clip_fraction`` and ``ratio_mean`` as in GRPO.

    Source: Hu et al. 2025, arXiv 2501.03262.
    """

    family: ClassVar[Family] = "clipped"

    beta: float = 0.05
    """Strength of the KL in the token rewards, in reward per nat; 0 needs no reference."""
    baseline: bool = False
    """Whether the mean reward of the group is subtracted from a completion's reward first."""
    whiten: bool = True
    """Whether advantages are shifted and scaled to mean 0 and variance 1 over the step's tokens."""
    clip: float = 0.2
    """The ratio is clipped to this distance from 1."""

    def __post_init__(self) -> None:
        not_negative("beta", self.beta)
        one_of("baseline", self.baseline, (True, False))
        one_of("whiten", self.whiten, (True, False))
        positive("clip", self.clip)

    @property
    def requires(self) -> frozenset[str]:
        """The behaviour's log-probabilities, the reference if there is a KL, and a group if its mean is subtracted."""
        needs = {"old_logp": True, "ref_logp": self.beta > 0, "group": self.baseline}
        return frozenset(name for name, needed in needs.items() if needed)

    def totals(self, batch: Batch) -> Mapping[str, Tensor]:
        """Moments of the returns."""
        return moments("return", self._returns(batch), batch)

    def loss(self, policy: PolicyOutput, batch: Batch) -> LossOutput:
        """The loss of one micro-batch; raises ValueError where a baseline lacks a second completion."""
        returns = self._returns(batch)
        advantages = whitened("return", returns, batch.totals) if self.whiten else returns
        ratio = token_log_ratio(policy.logp, present("old_logp", batch.old_logp), batch.mask).exp()  # [B, T]
        token_loss, clipped = clipped_surrogate(ratio, advantages, self.clip, self.clip)
        metrics = {
            "clip_fraction": aggregate_tokens(clipped.to(ratio.dtype), batch, "token_mean"),
            "ratio_mean": aggregate_tokens(ratio.detach(), batch, "token_mean"),
        }
        return LossOutput(loss=aggregate_tokens(token_loss, batch, "token_mean"), metrics=metrics)

    def _returns(self, batch: Batch) -> Tensor:
        """[B, T] the sum of the rewards of each token and all later ones."""
        if self.baseline:
            batch = replace(batch, rewards=group_advantages(batch.rewards, batch.group, normalise_std=False))
        return token_rewards(batch, self.beta, present("old_logp", batch.old_logp)).flip(-1).cumsum(-1).flip(-1)
