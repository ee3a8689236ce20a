"""Where the completions of a rollout batch come from: the policy as it is, as it was, a buffer, or a fixed set."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from harness.config.regime import RegimeSpec
from harness.rollout.groups import Group
from harness.seeds import ProblemOrder, Purpose, derive_seed


@dataclass(frozen=True, kw_only=True, slots=True)
class RolloutBatch:
    """What one turn of the loop trains on."""

    groups: list[Group]
    new: int
    """How many of them, from the front, are used for the first time, and so are to be charged."""


class Sampler(Protocol):
    """What a regime draws on."""

    @property
    def iteration(self) -> int:
        """Turns of the loop so far."""
        ...

    @property
    def seed(self) -> int: ...

    def sample(self, prompts: int, waiting: Sequence[Group] = (), again: Sequence[Group] = ()) -> list[Group] | None:
        """Completions of the policy as it is, for the next ``prompts`` problems, graded; None where the budget
        does not cover a step on them, with those used ``again`` beside them, after steps on the ``waiting`` ones."""
        ...

    def covers(self, batch: RolloutBatch) -> bool:
        """Whether the budget covers a step on ``batch``."""
        ...

    def discard(self, groups: Sequence[Group]) -> None:
        """Count completions that will never be trained on."""
        ...

    def score(self, groups: Sequence[Group]) -> list[Group]:
        """The groups with what the objective requires of them, whatever the policy is."""
        ...


class Regime(Protocol):
    """Supplies rollout batches."""

    held: list[Group]
    """Completions kept for later steps: with the weights, all that a resume needs."""

    @property
    def fresh(self) -> bool:
        """Whether a batch was sampled by the policy as the first update on it finds it."""
        ...

    def next(self, sampler: Sampler) -> RolloutBatch | None:
        """The next batch; None at the end of the budget."""
        ...


@dataclass
class Queue:
    """Completions wait ``lag`` turns of the loop before they are trained on: 0 is on-policy.

    Sampling ahead and waiting is the same as sampling with weights of ``lag`` turns ago, and keeps
    completions instead of weights. The first ``lag`` batches are of the start weights.
    """

    prompts: int
    lag: int
    held: list[Group] = field(default_factory=list)

    @property
    def fresh(self) -> bool:
        return self.lag == 0

    def next(self, sampler: Sampler) -> RolloutBatch | None:
        while len(self.held) <= self.lag * self.prompts:
            groups = sampler.sample(self.prompts, self.held)
            if groups is None:
                break
            self.held = self.held + groups
        batch = RolloutBatch(groups=self.held[: self.prompts], new=self.prompts)
        if not self.held or not sampler.covers(batch):  # seconds can run out while completions wait
            sampler.discard(self.held)
            return None
        self.held = self.held[self.prompts :]
        return batch


@dataclass
class Replay:
    """A share of each batch is drawn, without repetition, from the newest ``size`` groups before it.

    The first batch, and any that finds too few groups in the buffer, is all fresh.
    """

    prompts: int
    size: int
    again: int
    """Groups of a batch that are taken from the buffer."""
    held: list[Group] = field(default_factory=list)
    fresh: bool = False

    def next(self, sampler: Sampler) -> RolloutBatch | None:
        again = self.again if len(self.held) >= self.again else 0
        generator = np.random.default_rng(derive_seed(sampler.seed, Purpose.REPLAY, sampler.iteration))
        chosen = [self.held[i] for i in generator.choice(len(self.held), again, replace=False)] if again else []
        fresh = sampler.sample(self.prompts - again, again=chosen)
        if fresh is None:
            return None
        self.held = (self.held + fresh)[-self.size :]
        return RolloutBatch(groups=fresh + chosen, new=len(fresh))


@dataclass
class Offline:
    """A fixed set of completions of the reference, taken in a new order each epoch."""

    prompts: int
    groups: list[Group]
    order: ProblemOrder[int]
    """Of indices into ``groups``; the first epoch comes first, so what is new is at the front of a batch."""
    held: list[Group] = field(default_factory=list)
    """Nothing: the set lies in a file of its own."""
    scored: list[Group] = field(default_factory=list)
    fresh: bool = False

    def next(self, sampler: Sampler) -> RolloutBatch | None:
        if not self.scored:  # all at once: how they are packed must not depend on where a run was resumed
            self.scored = sampler.score(self.groups)
        start = sampler.iteration * self.prompts
        indices = self.order.take(start, self.prompts)
        new = min(max(len(self.groups) - start, 0), self.prompts)
        batch = RolloutBatch(groups=[self.scored[i] for i in indices], new=new)
        return batch if sampler.covers(batch) else None


def make_regime(
    spec: RegimeSpec,
    *,
    prompts: int,
    group_size: int,
    updates: int,
    seed: int,
    fixed: list[Group],
    held: list[Group],
) -> Regime:
    """The regime of a run with ``prompts`` groups in a batch and ``updates`` optimiser steps on each.

    ``fixed`` is the offline set, empty otherwise; ``held`` what a run that is resumed had kept.
    """
    match spec.kind:
        case "replay":
            return Replay(prompts, size=spec.size // group_size, again=spec.again(prompts), held=held)
        case "offline":
            return Offline(prompts, fixed, ProblemOrder(range(len(fixed)), seed))
    return Queue(prompts, lag=spec.steps // updates, held=held)
