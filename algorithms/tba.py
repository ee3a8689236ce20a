"""TBA: trajectory balance with a partition function that is estimated from the prompt's completions."""

from dataclasses import dataclass
from typing import ClassVar

from algorithms.checks import positive, present
from algorithms.ops import group_mean, k1, refuse_singletons
from algorithms.types import Batch, Family, LossOutput, PolicyOutput


@dataclass(frozen=True, kw_only=True)
class TBA:
    """Trajectory balance in its VarGrad form: the square of AGRO's residual over beta.

    The loss is ``mean_i (log Z + l_i - ref_l_i - r_i / beta)^2``, where ``log Z`` is the mean of
    ``r / beta - (l - ref_l)`` over the prompt's completions, without gradient. The gradient is ``2 (1 - 1/G) / beta``
    times that of AGRO's off-policy form in this package, so the two differ only in the learning rate. The asynchrony of
    the paper is not part of the objective: the regime of the run sets it.

    Source: Bartoldson et al. 2025, arXiv 2503.18929.
    """

    family: ClassVar[Family] = "regression"
    requires: ClassVar[frozenset[str]] = frozenset({"ref_logp", "group"})

    beta: float = 0.05
    """Strength of the KL regulariser, in reward per nat of sequence log-ratio."""

    def __post_init__(self) -> None:
        positive("beta", self.beta)

    def loss(self, policy: PolicyOutput, batch: Batch) -> LossOutput:
        """The loss of one micro-batch. Raises ValueError if a prompt has a single completion."""
        refuse_singletons(batch.group)
        excess = k1(policy.logp, present("ref_logp", batch.ref_logp), batch.mask) - batch.rewards / self.beta  # [B]
        log_partition = group_mean(-excess.detach(), batch.group)
        return LossOutput(loss=((log_partition + excess) ** 2).sum() / batch.denominators.sequences)
