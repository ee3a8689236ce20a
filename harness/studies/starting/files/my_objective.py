"""An objective of your own.

Run it beside another one from this folder:

    harness run --suite my-suite.yaml --algos my_objective:MyObjective,grpo

Letters in shapes: B completions, T tokens of the longest one.
"""

from dataclasses import dataclass
from typing import ClassVar

from algorithms.checks import present
from algorithms.ops import group_mean, k2, masked_sum
from algorithms.types import Batch, LossOutput, PolicyOutput


@dataclass(frozen=True, kw_only=True)
class MyObjective:
    """REINFORCE against the mean reward of the group, with a KL penalty to the reference."""

    beta: float = 0.05
    """A hyperparameter. Set it in the suite, or by --set objectives.NAME.fields.beta=0.1."""

    requires: ClassVar[frozenset[str]] = frozenset({"group", "ref_logp"})
    """The quantities that the harness computes for this objective. See the docstrings of algorithms.scores."""

    def loss(self, policy: PolicyOutput, batch: Batch) -> LossOutput:
        """The loss of one micro-batch. Gradients flow through policy.logp [B, T] alone."""
        advantages = batch.rewards - group_mean(batch.rewards, batch.group)  # [B]
        logp = masked_sum(policy.logp, batch.mask)  # [B], of whole completions
        kl = k2(policy.logp, present("ref_logp", batch.ref_logp), batch.mask)  # [B]

        # A micro-batch is a part of a step. Divide by the counts of the step, so that the losses add up.
        completions = batch.denominators.sequences
        loss = (-(advantages * logp).sum() + self.beta * kl.sum()) / completions

        # Metrics are summed over micro-batches like the loss. They are recorded as objective/NAME.
        return LossOutput(loss=loss, metrics={"advantage_size": advantages.abs().sum() / completions})
