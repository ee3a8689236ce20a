"""What a step costs in tokens and FLOPs, from the lengths of its sequences alone."""

from collections.abc import Sequence
from dataclasses import dataclass

from harness.config.optimizer import OptimizerSettings
from harness.models.size import ModelSize
from harness.records.ledger import Ledger
from harness.training.passes import Passes


@dataclass(frozen=True, kw_only=True, slots=True)
class Sizes:
    """Of the models that a step passes through; the reference is of the policy's."""

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
    """One turn of the loop over sequences of ``batch`` tokens each, of which those of ``new`` are sampled for it.

    ``crossed`` are the lengths of prompts with others' completions, where passes are made over these; if they are not
    known, those of ``batch``: as many tokens. ``samples`` are those of completions of the reference that were sampled
    for what they earn: they count as completions. Sampled tokens and seconds are the caller's to add: neither follows
    from the lengths.
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
