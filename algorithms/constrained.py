"""A limit on completion length or on the KL from the reference, for any objective."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, get_args

import torch
from torch import Tensor

from algorithms.checks import not_negative, one_of, positive, present
from algorithms.ops import k1
from algorithms.step import scores_come_first, step_totals
from algorithms.types import Batch, Family, HasState, LossOutput, Objective, PolicyOutput

Quantity = Literal["length", "kl"]


@dataclass(frozen=True, kw_only=True)
class Constrained:
    """A limit on a measured mean, enforced by a Lagrange multiplier with a damped quadratic penalty.

    The inner objective sees the rewards ``r_i - penalty * c_i / limit``, where ``c_i`` is a completion's length or
    log-ratio. After each optimiser step, ``excess = mean c / limit - 1``. The multiplier becomes
    ``max(0, multiplier + rate * excess)``, and the penalty of the next step ``max(0, multiplier + damping * excess)``.
    So the penalty of a step depends on the costs of the *previous* step. The totals of the inner objective depend on
    its rewards, so they cannot use a mean over the same step. The first step has no penalty.

    Even a small penalty breaks ties. An objective that ranks completions (DPO) or divides by the standard deviation
    (GRPO) then learns from completions that differ only in cost.

    The metrics are those of the inner objective, ``constraint_cost`` (the mean ``c``), and ``constraint_multiplier``
    (the penalty that was applied).

    Source: Agnihotri et al. 2024, arXiv 2406.09563 (e-COP), without its episodic policy difference.
    """

    family: ClassVar[Family] = "constrained"

    inner: Objective
    """The objective that is optimised."""
    quantity: Quantity
    """The limited quantity: "length" in tokens, or "kl", the sequence log-ratio of the policy before the update to the
    reference, in nats. Its mean is the KL if that policy sampled the completions."""
    limit: float
    """The largest allowed mean of the quantity over the completions of a step."""
    rate: float = 0.05
    """The growth of the multiplier, in reward per step at twice the limit."""
    damping: float = 0.1
    """Weight of the quadratic penalty, in reward at twice the limit."""

    def __post_init__(self) -> None:
        one_of("quantity", self.quantity, get_args(Quantity))
        positive("limit", self.limit)
        not_negative("rate", self.rate)
        not_negative("damping", self.damping)
        if isinstance(self.inner, Constrained):
            raise ValueError(f"inner must be an objective without a constraint of its own, not {self.inner!r}")

    @property
    def requires(self) -> frozenset[str]:
        """The requirements of the inner objective, and for "kl" also the two log-probabilities."""
        own = frozenset({"start_logp", "ref_logp"}) if self.quantity == "kl" else frozenset()
        return self.inner.requires | own

    @property
    def reads_scores(self) -> bool:
        """Whether the cost or the inner objective reads scores. Lengths are known without them."""
        return self.quantity == "kl" or scores_come_first(self.inner)

    def overview(self, parts: Sequence[Batch]) -> Mapping[str, Tensor]:
        """The totals of the inner objective on the penalised rewards, and the cost."""
        costs = [self._costs(part).sum() / part.denominators.sequences for part in parts]
        # the penalised mean reward is not known before the costs are summed
        inner = step_totals(self.inner, [self._penalised(part, float("nan")) for part in parts])
        return {**inner, "constraint_cost": torch.stack(costs).sum()}

    def carry(self, state: Mapping[str, float], totals: Mapping[str, float]) -> Mapping[str, float]:
        """The multiplier and the penalty after a step, and the state of the inner objective."""
        inner = self.inner.carry(state, totals) if isinstance(self.inner, HasState) else {}
        excess = totals["constraint_cost"] / self.limit - 1
        multiplier = max(0.0, state.get("constraint_multiplier", 0.0) + self.rate * excess)
        penalty = max(0.0, multiplier + self.damping * excess)
        return {**inner, "constraint_multiplier": multiplier, "constraint_penalty": penalty}

    def loss(self, policy: PolicyOutput, batch: Batch) -> LossOutput:
        """The inner objective's loss of one micro-batch, on the penalised rewards."""
        mean_cost = float(batch.totals["constraint_cost"])
        output = self.inner.loss(policy, self._penalised(batch, mean_cost))
        sequences = batch.denominators.sequences
        own = {
            "constraint_cost": self._costs(batch).sum() / sequences,
            "constraint_multiplier": batch.rewards.new_tensor(self._penalty(batch) * len(batch.rewards) / sequences),
        }
        return LossOutput(loss=output.loss, metrics={**output.metrics, **own})

    def _costs(self, batch: Batch) -> Tensor:
        """The quantity of each completion, [B]."""
        if self.quantity == "length":
            return batch.mask.sum(-1).to(batch.rewards.dtype)
        start_logp, ref_logp = present("start_logp", batch.start_logp), present("ref_logp", batch.ref_logp)
        return k1(start_logp, ref_logp, batch.mask)

    def _penalty(self, batch: Batch) -> float:
        return batch.state.get("constraint_penalty", 0.0)

    def _penalised(self, batch: Batch, mean_cost: float) -> Batch:
        price = self._penalty(batch) / self.limit  # reward per unit of the quantity
        count = batch.denominators
        count = replace(count, reward_mean=count.reward_mean - price * mean_cost)
        return replace(batch, rewards=batch.rewards - price * self._costs(batch), denominators=count)
