"""Any objective on the worst distribution of prompts within reach, instead of on that of the data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

from algorithms.checks import not_negative, one_of
from algorithms.ops import group_mean, group_sizes, same_group, weigh_gradient
from algorithms.step import scores_come_first, step_totals
from algorithms.types import Batch, HasState, LossOutput, Objective, PolicyOutput
from algorithms.worst_case import chi_square_weights, cvar_weights, kl_weights

Kind = Literal["kl", "chi_square", "cvar"]


@dataclass(frozen=True, kw_only=True)
class Robust:
    """Prompts weigh as under the distribution within ``radius`` of the step's that makes their loss largest.

    A prompt's loss is ``L = 1 -`` the mean reward of its completions; the step's prompts weigh the same at first, and
    1 on average afterwards. "kl" weighs by ``exp(L / eta)``, ``eta`` such that the divergence is the radius;
    "chi_square" by ``1 + sqrt(2 radius / Var L) (L - mean L)``, or its counterpart where that is negative; "cvar" keeps
    the worst prompts alone, a share ``1 / (1 + radius)`` of all, which weigh ``1 + radius``. Prompts of the same loss
    weigh the same.

    A weight multiplies the *gradient* of its prompt's log-probabilities, whatever the inner objective is. It does not
    multiply rewards, because most objectives are not linear in them. The inner objective sees the step as it is, its
    loss and metrics are reported without weights, and a critic learns from all prompts alike. Around a constraint, a
    prompt's loss is that of its rewards as they were graded, without the penalty. With few completions of a prompt the
    weights partly follow noise.

    Metrics: ``robust_loss``, the weighted mean of ``L``, and ``robust_square``, the mean square of the weights, 1 where
    all are the same.

    Source: the ambiguity sets of Panaganti, Wierman, Mazumdar 2024, arXiv 2406.17096, taken from states and actions to
    prompts; the weights are those of distributionally robust optimisation (Duchi, Namkoong 2021, arXiv 1810.08750).
    """

    inner: Objective
    """The objective that trains."""
    kind: Kind
    """How the distance of two distributions is measured."""
    radius: float
    """The largest distance: in nats for "kl"; ``1/2 E (w - 1)^2`` for "chi_square"; for "cvar" the largest weight less
    1. With 0 it is the inner objective, bit for bit."""

    def __post_init__(self) -> None:
        one_of("kind", self.kind, get_args(Kind))
        not_negative("radius", self.radius)
        if isinstance(self.inner, Robust):
            raise ValueError(f"inner must be an objective that is not robust itself, not {self.inner!r}.")

    @property
    def requires(self) -> frozenset[str]:
        """What the inner objective does."""
        return self.inner.requires

    @property
    def reads_scores(self) -> bool:
        """Whether the inner objective wants to see scores first; the weights are made of rewards alone."""
        return scores_come_first(self.inner)

    def overview(self, parts: Sequence[Batch]) -> Mapping[str, Tensor]:
        """The inner objective's totals, and the weight of each loss that a prompt of the step has: two vectors."""
        prompts = [_losses(part)[_first_of_each(part.group)] for part in parts]
        losses = torch.cat(prompts).double().sort().values  # the same however the step is cut
        weigh = {"kl": kl_weights, "chi_square": chi_square_weights, "cvar": cvar_weights}[self.kind]
        inner = step_totals(self.inner, parts)
        return {**inner, "robust_losses": losses, "robust_weights": weigh(losses, self.radius)}

    def carry(self, state: Mapping[str, float], totals: Mapping[str, float]) -> Mapping[str, float]:
        """The inner objective's state."""
        return self.inner.carry(state, totals) if isinstance(self.inner, HasState) else {}

    def loss(self, policy: PolicyOutput, batch: Batch) -> LossOutput:
        """The inner objective's loss of one micro-batch, its gradient weighed prompt by prompt."""
        losses = _losses(batch).double()
        apart = (losses[:, None] - batch.totals["robust_losses"][None, :]).abs()
        weights = batch.totals["robust_weights"][apart.argmin(1)].to(policy.logp.dtype)  # [B]
        weighed = PolicyOutput(logp=weigh_gradient(policy.logp, weights[:, None]), values=policy.values)
        output = self.inner.loss(weighed, batch)
        share = 1 / (group_sizes(batch.group) * batch.denominators.groups)  # of a completion in the mean over prompts
        own = {"robust_loss": (share * weights * losses).sum(), "robust_square": (share * weights**2).sum()}
        return LossOutput(loss=output.loss, metrics={**output.metrics, **own})


def _losses(batch: Batch) -> Tensor:
    """Of each completion's prompt, [B]."""
    return 1 - group_mean(batch.rewards, batch.group)


def _first_of_each(group: Tensor) -> Tensor:
    """Whether a completion is its prompt's first, [B] bool."""
    return ~same_group(group).tril(-1).any(1)
