"""A*-PO: regression of the log-ratio to the reference on the reward minus the optimal value of the prompt."""

from dataclasses import dataclass
from typing import ClassVar

import torch

from algorithms.checks import positive, present
from algorithms.ops import k1, soft_value
from algorithms.types import Batch, Family, LossOutput, PolicyOutput


@dataclass(frozen=True, kw_only=True)
class AStarPO:
    """Optimal advantage regression: a squared loss with a baseline that is estimated from samples of the reference.

    The loss is ``mean_i (beta2 (l - ref_l) - (r - V*))^2`` with ``V* = beta1 log mean exp(r / beta1)``. The mean is
    over additional completions of the reference for the same prompt. If ``beta1 = beta2`` and there are enough of them,
    the loss is 0 only at the optimum ``ref exp(r / beta)``. The paper and its code use a larger ``beta1``, because with
    a small one ``V*`` is just the best reward of the sample.

    The reference samples ``rollout.reference_samples`` completions for each prompt, and these count as completions.
    With 8 of them and groups of 8, a budget of completions allows half as many steps. The paper samples them once per
    prompt, before training. Here they are sampled again when a prompt comes again, except on a fixed set. The paper
    trains on one completion per prompt; for this, set ``rollout.group_size=1``. Its code has an optional entropy bonus,
    which is left out. The paper was not available to us, so the loss follows its code.

    The metric ``value`` is the mean ``V*``.

    Source: Brantley, Chen, Gao, Lee, Sun, Zhan, Zhang 2025, arXiv 2505.20686.
    """

    family: ClassVar[Family] = "regression"
    requires: ClassVar[frozenset[str]] = frozenset({"ref_logp", "ref_rewards"})

    beta1: float = 0.5
    """Temperature of the value, in reward. The limit at 0 is the best reward, and at infinity the mean reward."""
    beta2: float = 1e-3
    """Strength of the KL regulariser, in reward per nat of sequence log-ratio."""

    def __post_init__(self) -> None:
        positive("beta1", self.beta1)
        positive("beta2", self.beta2)

    def loss(self, policy: PolicyOutput, batch: Batch) -> LossOutput:
        """The loss of one micro-batch."""
        rewards = present("ref_rewards", batch.ref_rewards)
        value = soft_value(rewards, self.beta1, torch.ones_like(rewards, dtype=torch.bool))
        log_ratio = k1(policy.logp, present("ref_logp", batch.ref_logp), batch.mask)
        residual = self.beta2 * log_ratio - (batch.rewards - value)
        sequences = batch.denominators.sequences
        return LossOutput(loss=(residual**2).sum() / sequences, metrics={"value": value.sum() / sequences})
