"""The cost of a step in tokens and FLOPs, computed from the lengths of its sequences."""

from collections.abc import Sequence
from dataclasses import dataclass

from harness.config.optimizer import OptimizerSettings
from harness.models.size import ModelSize
from harness.records.ledger import Ledger
from harness.training.passes import Passes


@dataclass(frozen=True, kw_only=True, slots=True)
class Sizes:
    """The sizes of the models in a step. The reference has the size of the policy."""

    policy: ModelSize
    critic: ModelSize | None


def cost_of(
    sizes: Sizes,
    passes: Passes,
    optimizer: OptimizerSettings,
    new: Sequence[int],
    batch: Sequence[int],
    crossed: Sequence[int] | None = None,
    samples: Sequence[int] = (),
) -> Ledger:
    """The cost of one iteration, without sampled tokens and seconds, which do not follow from the lengths.

    Args:
        batch: the lengths of all sequences of the step, in tokens.
        new: the lengths of those that are sampled in this step.
        crossed: the lengths of prompts with completions of other prompts, for passes over these. If None, those of
            ``batch``, which have the same sum.
        samples: the lengths of additional reference completions that were sampled for their rewards. They count as
            completions.
    """
    size, epochs = sizes.policy, optimizer.epochs
    mismatched = (batch if crossed is None else crossed) if passes.mismatched else ()
    current = epochs * list(batch) if passes.current else []
    scored = [*(new if passes.behaviour else ()), *(batch if passes.start else ()), *current, *mismatched]
    reference = [*(new if passes.reference else ()), *mismatched]
    cost = Ledger(
        iterations=1,
        completions=len(batch) + len(samples),
        sampled_completions=len(new),
        optimizer_steps=optimizer.updates_per_rollout,
        trained_tokens=epochs * sum(batch),
        scored_tokens=sum(scored),
        reference_tokens=sum(reference),
        flops=size.forward_flops([*new, *samples, *scored, *reference]) + epochs * size.training_flops(batch),
    )
    if sizes.critic:
        cost += Ledger(
            critic_tokens=(1 + epochs) * sum(batch),
            flops=sizes.critic.forward_flops(batch) + epochs * sizes.critic.training_flops(batch),
        )
    return cost
