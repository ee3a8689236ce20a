"""AGRO with a proximal term, which keeps the policy close to the policy that sampled."""

from dataclasses import dataclass
from typing import ClassVar

from algorithms.checks import not_negative, positive, present
from algorithms.ops import k1, leave_one_out_mean, masked_sum, policy_gradient, regularised_reward
from algorithms.types import Batch, Family, LossOutput, PolicyOutput


@dataclass(frozen=True, kw_only=True)
class AGROProximal:
    """AGRO with a proximal term on every completion. The term is not centred within the group.

    The loss is ``-mean_i stopgrad((R_i - mean_{j != i} R_j) - tau (l_i - old_l_i)) l_i`` with AGRO's
    ``R = r - beta (l - ref_l)``. The second part is the gradient of ``tau / 2 (l - old_l)^2``. If probability leaks to
    completions outside the data, all log-ratios fall, and this term pulls the policy back. It vanishes at ``pi = mu``,
    so the optimum is AGRO's if the behaviour policy follows the policy. On a fixed set it pulls towards ``mu``, in
    addition to the pull of ``beta`` towards the reference.

    Source: this project; see docs/old-data.md. The proximal term is that of mirror descent (arXiv 2005.09814).
    """

    family: ClassVar[Family] = "regression"
    requires: ClassVar[frozenset[str]] = frozenset({"ref_logp", "old_logp", "group"})

    beta: float = 0.05
    """Strength of the KL regulariser, in reward per nat of sequence log-ratio."""
    tau: float = 0.2
    """Strength of the proximal term, in reward per nat of the sequence log-ratio to the behaviour policy."""

    def __post_init__(self) -> None:
        positive("beta", self.beta)
        not_negative("tau", self.tau)

    def loss(self, policy: PolicyOutput, batch: Batch) -> LossOutput:
        """The loss of one micro-batch. Raises ValueError if a prompt has a single completion."""
        ref_logp, old_logp = present("ref_logp", batch.ref_logp), present("old_logp", batch.old_logp)
        regularised = regularised_reward(batch.rewards, policy.logp, ref_logp, batch.mask, self.beta)
        centred = regularised - leave_one_out_mean(regularised, batch.group)
        advantages = centred - self.tau * k1(policy.logp.detach(), old_logp, batch.mask)
        sequence_logp = masked_sum(policy.logp, batch.mask)
        return LossOutput(loss=policy_gradient(advantages, sequence_logp, batch.denominators.sequences))
