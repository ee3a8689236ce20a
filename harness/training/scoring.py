"""What an objective requires of completions besides the policy's own pass: which passes, and their results."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from algorithms.types import HasTotals, Objective
from harness.config.regime import RegimeSpec
from harness.config.settings import OptimizerSettings
from harness.models.sequences import Sequences
from harness.rollout.groups import Group, sequences_of
from harness.training.micro_batches import pack

Pass = Callable[[Sequences], Mapping[str, Tensor]]
"""Sequences -> [B, T], or [B], by the names of :class:`algorithms.types.Batch`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Passes:
    """Which fields of the batch each pass fills; a pass that fills none is not made, and not charged."""

    reference: tuple[str, ...] = ()
    """Of the reference, once for each completion."""
    behaviour: tuple[str, ...] = ()
    """Of the policy, right after it has sampled a completion."""
    start: tuple[str, ...] = ()
    """Of the policy, before the first update on a rollout batch."""
    training: tuple[str, ...] = ()
    """The training pass itself: where it is the first on fresh completions, it needs no other."""
    critic: bool = False

    @classmethod
    def of(cls, objective: Objective, regime: RegimeSpec, optimizer: OptimizerSettings) -> "Passes":
        """What a run of ``objective`` needs."""
        asked = {name for name in ("ref_logp", "old_logp", "start_logp") if name in objective.requires}
        if optimizer.importance_cap is not None:
            asked.add("old_logp")
        owner = {"ref_logp": "reference", "old_logp": "behaviour", "start_logp": "start"}
        if optimizer.updates_per_rollout == 1 and not isinstance(
            objective, HasTotals
        ):  # totals are wanted before the training pass
            owner["start_logp"] = "training"
        if regime.kind == "on_policy":
            owner["old_logp"] = owner["start_logp"]
        if regime.kind == "offline":
            owner["old_logp"] = "reference"
        fills = {pass_: tuple(sorted(n for n in asked if owner[n] == pass_)) for pass_ in set(owner.values())}
        return cls(**fills, critic="values" in objective.requires)


@torch.no_grad()
def score(groups: Sequence[Group], passes: Sequence[Pass], micro_batch_tokens: int) -> list[Group]:
    """The groups, in order, with what ``passes`` say of each completion added to its ``known``."""
    if not passes:
        return list(groups)
    scored: dict[int, Group] = {}
    for indices in pack(groups, micro_batch_tokens):
        part = [groups[i] for i in indices]
        sequences = sequences_of(part)
        found = {name: value for each in passes for name, value in each(sequences).items()}
        scored |= zip(indices, know(part, found), strict=True)
    return [scored[i] for i in range(len(groups))]


def know(groups: Sequence[Group], found: Mapping[str, Tensor]) -> list[Group]:
    """The groups with these tensors, [B, T] or [B] over all their completions, in ``known``."""
    rows = {name: iter(tensor.tolist()) for name, tensor in found.items()}
    result = []
    for group in groups:
        completions = []
        for completion in group.completions:
            values = {name: next(of_row) for name, of_row in rows.items()}
            known = {
                name: tuple(value[: len(completion.ids)]) if isinstance(value, list) else (value,)
                for name, value in values.items()
            }
            completions.append(replace(completion, known={**completion.known, **known}))
        result.append(replace(group, completions=tuple(completions)))
    return result
