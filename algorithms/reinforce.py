"""REINFORCE: policy gradient with the KL in the loss."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, get_args

from torch import Tensor

from algorithms.checks import not_negative, one_of, present
from algorithms.later import LATER
from algorithms.ops import k2, k3, leave_one_out_mean, masked_sum, policy_gradient
from algorithms.types import Batch, Family, LossOutput, PolicyOutput

Baseline = Literal["leave_one_out", "batch_mean", "none"]
KL = Literal["k2", "k3"]


@dataclass(frozen=True, kw_only=True)
class Reinforce:
    """The usual KL-regularised policy gradient: a baseline, and the KL as a term of the loss.

    The loss is ``-mean_i stopgrad(r_i - b_i + delta) l_i + beta mean_i KL_i``. There are no importance weights, so on
    off-policy data it is biased and does not reach the optimum.

    Source: Williams 1992, "Simple statistical gradient-following algorithms".
    """

    family: ClassVar[Family] = "policy gradient"

    beta: float = 0.05
    """Strength of the KL regulariser, in reward per nat of sequence log-ratio; 0 needs no reference."""
    baseline: Baseline = "leave_one_out"
    """The baseline of a reward: the mean of the prompt's other completions, the mean of the whole step, or 0."""
    kl: KL = "k2"
    """The estimator of the KL. "k2" is for sequences; its on-policy gradient is that of KL(pi || ref). "k3" is summed
    over tokens; its on-policy gradient is that of the forward KL of each token."""

    delta: Annotated[float, LATER] = 0.0
    """Added to every advantage, in reward. This lowers the baseline, which pulls the policy towards the samples."""

    def __post_init__(self) -> None:
        not_negative("beta", self.beta)
        not_negative("delta", self.delta)
        one_of("baseline", self.baseline, get_args(Baseline))
        one_of("kl", self.kl, get_args(KL))

    @property
    def requires(self) -> frozenset[str]:
        """The reference if there is a KL term, and a group if the baseline is the group's other completions."""
        needs = {"ref_logp": self.beta > 0, "group": self.baseline == "leave_one_out"}
        return frozenset(name for name, needed in needs.items() if needed)

    def loss(self, policy: PolicyOutput, batch: Batch) -> LossOutput:
        """The loss of one micro-batch. With "leave_one_out", raises ValueError if a prompt has a single completion."""
        sequences = batch.denominators.sequences
        advantages = batch.rewards - self._baseline(batch) + self.delta
        loss = policy_gradient(advantages, masked_sum(policy.logp, batch.mask), sequences)
        if self.beta > 0:
            estimate = {"k2": k2, "k3": k3}[self.kl]  # [B] or [B, T]: summed either way
            kl = estimate(policy.logp, present("ref_logp", batch.ref_logp), batch.mask)
            loss = loss + self.beta * kl.sum() / sequences
        return LossOutput(loss=loss)

    def _baseline(self, batch: Batch) -> Tensor | float:
        match self.baseline:
            case "leave_one_out":
                return leave_one_out_mean(batch.rewards, batch.group)
            case "batch_mean":
                return batch.denominators.reward_mean  # over the step, which a micro-batch cannot compute
            case "none":
                return 0.0
