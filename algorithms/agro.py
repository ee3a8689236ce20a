"""AGRO: make the regularised reward the same for every completion of a prompt."""

from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

from algorithms.checks import one_of, positive, present
from algorithms.ops import (
    group_sizes,
    group_variance,
    leave_one_out_mean,
    masked_sum,
    policy_gradient,
    regularised_reward,
)
from algorithms.types import Batch, Family, LossOutput, PolicyOutput

Form = Literal["off_policy", "on_policy"]


@dataclass(frozen=True, kw_only=True)
class AGRO:
    """Minimise the variance of the regularised reward within each prompt; sound on any data.

    The objective is ``1/2 E_x Var[R]`` with ``R = r - beta (l - ref_l)``. ``R`` is constant within each prompt exactly
    at the optimum ``ref exp(r / beta)``. The loss is divided by ``beta``, so that learning rates are comparable with
    those of policy gradients. It is a surrogate: its gradient is right, but its value has no meaning. The metric
    ``variance`` is the minimised quantity ``1/2 Var[R]`` (ddof = 1), not divided by ``beta``. All completions have the
    same weight, so the weight of a prompt is proportional to its group size. With equal sizes this is the paper's loss.

    Source: Tang, Cohen, Zhang, Valko, Munos 2025, arXiv 2503.19612.
    """

    family: ClassVar[Family] = "regression"
    requires: ClassVar[frozenset[str]] = frozenset({"ref_logp", "group"})

    beta: float = 0.05
    """Strength of the KL regulariser, in reward per nat of sequence log-ratio."""
    form: Form = "off_policy"
    """"off_policy" treats the data distribution as fixed. "on_policy" also differentiates through the sampling; use it
    only with fresh samples, because it can diverge on others."""

    def __post_init__(self) -> None:
        positive("beta", self.beta)
        one_of("form", self.form, get_args(Form))

    def loss(self, policy: PolicyOutput, batch: Batch) -> LossOutput:
        """The surrogate of one micro-batch. Raises ValueError if a prompt has a single completion."""
        ref_logp = present("ref_logp", batch.ref_logp)
        regularised = regularised_reward(batch.rewards, policy.logp, ref_logp, batch.mask, self.beta)
        advantages = regularised - leave_one_out_mean(regularised, batch.group)
        if self.form == "on_policy":  # 1/2 A^2 grad l: the effect of sampling on the variance
            advantages = advantages - advantages**2 / (2 * self.beta)
        sequence_logp = masked_sum(policy.logp, batch.mask)
        loss = policy_gradient(advantages, sequence_logp, batch.denominators.sequences)
        half_variance = 0.5 * group_variance(regularised, batch.group)
        variance = (half_variance / group_sizes(batch.group)).sum() / batch.denominators.groups
        return LossOutput(loss=loss, metrics={"variance": variance})
