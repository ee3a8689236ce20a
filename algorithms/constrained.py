"""Any objective under a limit on completion length or on the KL to the reference."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, get_args

import torch
from torch import Tensor

from algorithms.checks import not_negative, one_of, positive, present
from algorithms.ops import k1
from algorithms.step import step_totals
from algorithms.types import Batch, Family, HasState, LossOutput, Objective, PolicyOutput

Quantity = Literal["length", "kl"]


@dataclass(frozen=True, kw_only=True)
class Constrained:
    """A limit on a measured mean, held by a Lagrange multiplier with a damped quadratic penalty.

    The inner objective sees ``r_i - penalty * c_i / limit``, ``c_i`` a completion's length or log-ratio.
    After each optimiser step, with ``excess = mean c / limit - 1``, the multiplier becomes
    ``max(0, multiplier + rate * excess)`` and the next step's penalty ``max(0, multiplier + damping * excess)``.
    So a step is penalised by what the *step before* measured: an inner objective's totals depend on its
    rewards, and those could not wait for a mean over the same step. The first step has no penalty.

    A penalty breaks ties, however small it is: an objective that ranks (DPO) or divides by the standard
    deviation (GRPO) then learns from completions that differ in cost alone.

    Metrics are the inner objective's, ``constraint_cost``, the mean ``c``, and ``constraint_multiplier``, the
    penalty that applied.

    Source: Agnihotri et al. 2024, arXiv 2406.09563 (e-COP), without its episodic policy difference.
    """

    family: ClassVar[Family] = "constrained"
    reads_scores: ClassVar[bool] = True

    inner: Objective
    """The objective that trains."""
    quantity: Quantity
    """What is limited: "length" in tokens, or "kl", the sequence log-ratio of the policy before the update
    to the reference, in nats; its mean is the KL where the completions are that policy's own."""
    limit: float
    """Largest mean of the quantity over a step's completions."""
    rate: float = 0.05
    """How fast the multiplier grows, in reward per step at twice the limit."""
    damping: float = 0.1
    """Weight of the quadratic penalty, in reward at twice the limit."""

    def __post_init__(self) -> None:
        one_of("quantity", self.quantity, get_args(Quantity))
        positive("limit", self.limit)
        not_negative("rate", self.rate)
        not_negative("damping", self.damping)
        if isinstance(self.inner, Constrained):
            raise ValueError(f"inner must be an objective without a constraint of its own, not {self.inner!r}.")

    @property
    def requires(self) -> frozenset[str]:
        """What the inner objective does; for the KL also both of its log-probabilities."""
        own = frozenset({"start_logp", "ref_logp"}) if self.quantity == "kl" else frozenset()
        return self.inner.requires | own

    def overview(self, parts: Sequence[Batch]) -> Mapping[str, Tensor]:
        """The inner objective's totals, on the penalised rewards, and the cost."""
        costs = [self._costs(part).sum() / part.denominators.sequences for part in parts]
        # the penalised mean reward is known only once the costs are added up
        inner = step_totals(self.inner, [self._penalised(part, float("nan")) for part in parts])
        return {**inner, "constraint_cost": torch.stack(costs).sum()}

    def carry(self, state: Mapping[str, float], totals: Mapping[str, float]) -> Mapping[str, float]:
        """The multiplier and the penalty after a step, and the inner objective's state."""
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
