"""PMD: policy mirror descent, a step from the policy before the update towards better completions."""

from dataclasses import dataclass
from typing import ClassVar

from algorithms.checks import one_of, positive, present
from algorithms.grpo import group_advantages
from algorithms.ops import k1
from algorithms.types import Batch, Family, LossOutput, PolicyOutput


@dataclass(frozen=True, kw_only=True)
class PMD:
    """Policy mirror descent as in Kimi k1.5: least squares on the log-ratio to the policy before the update.

    The loss is ``tau / 2 mean_i (A / tau - (l - start_l))^2``. ``A`` is a completion's reward minus its group's mean,
    which replaces ``tau log Z``. The gradient is ``-(A - tau (l - start_l)) grad l``. This resembles AGRO's residual,
    with two differences: the log-ratio is not centred, so the level of a group's log-probabilities is held, and it is
    relative to the current iterate instead of the reference. In the first update on a batch, the log-ratio is 0. So
    with one update per batch this is REINFORCE for any ``tau``.

    Kimi's length reward, its curriculum and its selection of prompts are not part of the objective, so they are left
    out.

    Source: Kimi Team 2025, arXiv 2501.12599, equations 2 and 3.
    """

    family: ClassVar[Family] = "regression"
    requires: ClassVar[frozenset[str]] = frozenset({"start_logp", "group"})

    tau: float = 0.1
    """Strength of the pull to the policy before the update, in reward per nat of sequence log-ratio."""
    normalise_length: bool = False
    """Whether the log-ratio is the mean over a sequence's tokens instead of the sum. Long completions are then pulled
    less, and the fixed point changes. The paper does not have this."""

    def __post_init__(self) -> None:
        positive("tau", self.tau)
        one_of("normalise_length", self.normalise_length, (True, False))

    def loss(self, policy: PolicyOutput, batch: Batch) -> LossOutput:
        """The loss of one micro-batch. Raises ValueError if a prompt has a single completion."""
        log_ratio = k1(policy.logp, present("start_logp", batch.start_logp), batch.mask)  # [B] nats
        if self.normalise_length:
            log_ratio = log_ratio / batch.mask.sum(-1).clamp(min=1)
        advantages = group_advantages(batch.rewards, batch.group, normalise_std=False)
        squares = (advantages / self.tau - log_ratio) ** 2
        return LossOutput(loss=self.tau / 2 * squares.sum() / batch.denominators.sequences)
