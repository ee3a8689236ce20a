"""OAPL: regress the log-ratio to the behaviour policy on the optimal advantage."""

from dataclasses import dataclass
from typing import ClassVar

from algorithms.checks import positive, present
from algorithms.ops import k1, refuse_singletons, same_group, soft_value
from algorithms.types import Batch, Family, LossOutput, PolicyOutput


@dataclass(frozen=True, kw_only=True)
class OAPL:
    """Optimal advantage policy optimisation with a lagged sampler: least squares, no importance weights.

    ``mean_i (beta (l - old_l) - (r - V))^2`` with ``V = beta log mean exp(r / beta)`` over the prompt's completions.
    The KL is to the *behaviour* policy, whatever its age, and the fixed point is ``mu exp(r / beta)``: each batch asks
    for another step from where it was sampled, and nothing holds the policy to the reference. It is not centred: ``V``
    lies above the mean reward, so that on fresh samples most of the push is downwards, the more so the smaller
    ``beta``. ``V`` is that of the group at hand, so the fixed point is exact in the limit of large groups.

    Source: Ritter et al. 2026, arXiv 2602.19362; the formula as in summaries of it and of KARL, arXiv 2603.05218.
    """

    family: ClassVar[Family] = "regression"
    requires: ClassVar[frozenset[str]] = frozenset({"old_logp", "group"})

    beta: float = 1.0
    """Strength of the KL to the behaviour policy, in reward per nat of sequence log-ratio."""

    def __post_init__(self) -> None:
        positive("beta", self.beta)

    def loss(self, policy: PolicyOutput, batch: Batch) -> LossOutput:
        """The loss of one micro-batch; raises ValueError where a prompt has a single completion."""
        refuse_singletons(batch.group)
        log_ratio = k1(policy.logp, present("old_logp", batch.old_logp), batch.mask)  # [B] nats
        values = soft_value(batch.rewards.expand(len(batch.group), -1), self.beta, same_group(batch.group))
        advantages = batch.rewards - values
        return LossOutput(loss=((self.beta * log_ratio - advantages) ** 2).sum() / batch.denominators.sequences)
