"""PMD: policy mirror descent, a step from where the update began towards better completions."""

from dataclasses import dataclass
from typing import ClassVar

from algorithms.checks import one_of, positive, present
from algorithms.grpo import group_advantages
from algorithms.ops import k1
from algorithms.types import Batch, Family, LossOutput, PolicyOutput


@dataclass(frozen=True, kw_only=True)
class PMD:
    """Policy mirror descent as in Kimi k1.5: least squares on the log-ratio to the policy before the update.

    ``tau / 2 mean_i (A / tau - (l - start_l))^2``, ``A`` a completion's reward less its group's mean, which stands for
    ``tau log Z``. Its gradient is ``-(A - tau (l - start_l)) grad l``: AGRO's residual, but the log-ratio is not
    centred, so that the level of a group's log-probabilities is held, and it is to the iterate, not the reference.
    The log-ratio is 0 in the first update on a batch: with one update per batch this is REINFORCE, whatever ``tau``.

    Kimi's reward for brevity, its curriculum and its choice of prompts are not the objective's and are left out.

    Source: Kimi Team 2025, arXiv 2501.12599, equations 2 and 3.
    """

    family: ClassVar[Family] = "regression"
    requires: ClassVar[frozenset[str]] = frozenset({"start_logp", "group"})

    tau: float = 0.1
    """Strength of the pull to the policy before the update, in reward per nat of sequence log-ratio."""
    normalise_length: bool = False
    """Whether the log-ratio is the mean over a sequence's tokens, not their sum: it then pulls a long completion less,
    and the fixed point is another. Not in the paper."""

    def __post_init__(self) -> None:
        positive("tau", self.tau)
        one_of("normalise_length", self.normalise_length, (True, False))

    def loss(self, policy: PolicyOutput, batch: Batch) -> LossOutput:
        """The loss of one micro-batch; raises ValueError where a prompt has a single completion."""
        log_ratio = k1(policy.logp, present("start_logp", batch.start_logp), batch.mask)  # [B] nats
        if self.normalise_length:
            log_ratio = log_ratio / batch.mask.sum(-1).clamp(min=1)
        advantages = group_advantages(batch.rewards, batch.group, normalise_std=False)
        squares = (advantages / self.tau - log_ratio) ** 2
        return LossOutput(loss=self.tau / 2 * squares.sum() / batch.denominators.sequences)
