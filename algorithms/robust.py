"""Distributional robustness: any objective on the worst distribution of prompts near that of the data."""

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
    """Weights prompts by the distribution within ``radius`` of the uniform one that maximises their mean loss.

    The loss of a prompt is ``L = 1 -`` the mean reward of its completions. Weights have a mean of 1 over the step's
    prompts, and prompts with equal losses have equal weights. "kl" uses the weights ``exp(L / eta)``, normalised, with
    ``eta`` such that the divergence is the radius. "chi_square" uses ``1 + sqrt(2 radius / Var L) (L - mean L)``, or
    its counterpart with non-negative weights. "cvar" gives the weight ``1 + radius`` to the worst prompts, a share of
    ``1 / (1 + radius)``, and 0 to the others.

    A weight multiplies the *gradient* of its prompt's log-probabilities, for any inner objective. It does not multiply
    rewards, because most objectives are not linear in them. The inner objective sees the step unchanged. Its loss and
    metrics are reported without weights, and a critic learns from all prompts equally. If the inner objective has a
    constraint, the loss of a prompt uses the rewards without the penalty. With few completions per prompt, the weights
    partly follow noise.

    The metrics are ``robust_loss``, the weighted mean of ``L``, and ``robust_square``, the mean square of the weights,
    which is 1 if all weights are equal.

    Source: the ambiguity sets of Panaganti, Wierman, Mazumdar 2024, arXiv 2406.17096, applied to prompts instead of
    states and actions. The weights are those of distributionally robust optimisation (Duchi, Namkoong 2021, arXiv
    1810.08750).
    """

    inner: Objective
    """The objective that is optimised."""
    kind: Kind
    """The distance between two distributions."""
    radius: float
    """The largest distance: in nats for "kl"; ``1/2 E (w - 1)^2`` for "chi_square"; the largest weight minus 1 for
    "cvar". With 0, this is exactly the inner objective."""

    def __post_init__(self) -> None:
        one_of("kind", self.kind, get_args(Kind))
        not_negative("radius", self.radius)
        if isinstance(self.inner, Robust):
            raise ValueError(f"inner must be an objective that is not robust itself, not {self.inner!r}")

    @property
    def requires(self) -> frozenset[str]:
        """The requirements of the inner objective."""
        return self.inner.requires

    @property
    def reads_scores(self) -> bool:
        """Whether the inner objective reads scores. The weights only depend on rewards."""
        return scores_come_first(self.inner)

    def overview(self, parts: Sequence[Batch]) -> Mapping[str, Tensor]:
        """The totals of the inner objective, and two vectors: the losses of the step's prompts, and their weights."""
        prompts = [_losses(part)[_first_of_each(part.group)] for part in parts]
        losses = torch.cat(prompts).double().sort().values  # independent of how the step is split
        weigh = {"kl": kl_weights, "chi_square": chi_square_weights, "cvar": cvar_weights}[self.kind]
        inner = step_totals(self.inner, parts)
        return {**inner, "robust_losses": losses, "robust_weights": weigh(losses, self.radius)}

    def carry(self, state: Mapping[str, float], totals: Mapping[str, float]) -> Mapping[str, float]:
        """The inner objective's state."""
        return self.inner.carry(state, totals) if isinstance(self.inner, HasState) else {}

    def loss(self, policy: PolicyOutput, batch: Batch) -> LossOutput:
        """The inner objective's loss of one micro-batch, with a weight on the gradient of each prompt."""
        losses = _losses(batch).double()
        apart = (losses[:, None] - batch.totals["robust_losses"][None, :]).abs()
        weights = batch.totals["robust_weights"][apart.argmin(1)].to(policy.logp.dtype)  # [B]
        weighed = PolicyOutput(logp=weigh_gradient(policy.logp, weights[:, None]), values=policy.values)
        output = self.inner.loss(weighed, batch)
        share = 1 / (group_sizes(batch.group) * batch.denominators.groups)  # of a completion in the mean over prompts
        own = {"robust_loss": (share * weights * losses).sum(), "robust_square": (share * weights**2).sum()}
        return LossOutput(loss=output.loss, metrics={**output.metrics, **own})


def _losses(batch: Batch) -> Tensor:
    """[B] the loss of each completion's prompt."""
    return 1 - group_mean(batch.rewards, batch.group)


def _first_of_each(group: Tensor) -> Tensor:
    """[B] bool, whether a completion is the first of its prompt."""
    return ~same_group(group).tril(-1).any(1)
