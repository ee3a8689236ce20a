"""OAPL: regression of the log-ratio to the behaviour policy on the optimal advantage."""

from dataclasses import dataclass
from typing import ClassVar

from algorithms.checks import positive, present
from algorithms.ops import k1, refuse_singletons, same_group, soft_value
from algorithms.types import Batch, Family, LossOutput, PolicyOutput


@dataclass(frozen=True, kw_only=True)
class OAPL:
    """Optimal advantage policy optimisation with a lagged sampler: least squares without importance weights.

    The loss is ``mean_i (beta (l - old_l) - (r - V))^2`` with ``V = beta log mean exp(r / beta)`` over the prompt's
    completions. The KL is to the *behaviour* policy, whatever its age, and the fixed point is ``mu exp(r / beta)``. So
    each batch asks for a step from the policy that sampled it, and nothing pulls towards the reference. The advantages
    are not centred. ``V`` is above the mean reward, so on fresh samples most completions are pushed down, and more so
    with a smaller ``beta``. ``V`` is estimated from the group, so the fixed point is exact in the limit of large
    groups.

    Source: Ritter et al. 2026, arXiv 2602.19362. The formula follows summaries of it and of KARL, arXiv 2603.05218.
    """

    family: ClassVar[Family] = "regression"
    requires: ClassVar[frozenset[str]] = frozenset({"old_logp", "group"})

    beta: float = 1.0
    """Strength of the KL to the behaviour policy, in reward per nat of sequence log-ratio."""

    def __post_init__(self) -> None:
        positive("beta", self.beta)

    def loss(self, policy: PolicyOutput, batch: Batch) -> LossOutput:
        """The loss of one micro-batch. Raises ValueError if a prompt has a single completion."""
        refuse_singletons(batch.group)
        log_ratio = k1(policy.logp, present("old_logp", batch.old_logp), batch.mask)  # [B] nats
        values = soft_value(batch.rewards.expand(len(batch.group), -1), self.beta, same_group(batch.group))
        advantages = batch.rewards - values
        return LossOutput(loss=((self.beta * log_ratio - advantages) ** 2).sum() / batch.denominators.sequences)
