"""A*-PO: regress the log-ratio to the reference on how far a reward lies above the optimal value of its prompt."""

from dataclasses import dataclass
from typing import ClassVar

import torch

from algorithms.checks import positive, present
from algorithms.ops import k1, soft_value
from algorithms.types import Batch, Family, LossOutput, PolicyOutput


@dataclass(frozen=True, kw_only=True)
class AStarPO:
    """Optimal advantage regression: a squared loss whose baseline is estimated from samples of the reference.

    ``mean_i (beta2 (l - ref_l) - (r - V*))^2`` with ``V* = beta1 log mean exp(r / beta1)``, the mean over further
    completions of the reference on the same prompt. At ``beta1 = beta2``, with enough of these, it is 0 at the optimum
    ``ref exp(r / beta)`` and nowhere else; the paper and its code take a larger ``beta1``, as ``V*`` at a small one is
    the best reward seen.

    The reference's completions, ``rollout.reference_samples`` of each prompt, are sampled beside a prompt's own, and
    count as completions: at 8 and 8 a budget of completions is half as many steps. The paper samples them once for each
    prompt, before training; here a prompt that comes again is sampled again, except on a fixed set. It also trains on a
    single completion of a prompt: set ``rollout.group_size=1``. Its code has an entropy bonus,
    off by default, which is left out. The paper could not be read: the loss is that of its code.

    The metric ``value`` is the mean ``V*``.

    Source: Brantley, Chen, Gao, Lee, Sun, Zhan, Zhang 2025, arXiv 2505.20686.
    """

    family: ClassVar[Family] = "regression"
    requires: ClassVar[frozenset[str]] = frozenset({"ref_logp", "ref_rewards"})

    beta1: float = 0.5
    """Temperature of the value, in reward: 0 would be the best reward, infinite the mean."""
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
