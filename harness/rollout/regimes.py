"""Regimes: a rollout batch comes from the current policy, from an older one, from a buffer, or from a fixed set."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from harness.config.regime import RegimeSpec
from harness.rollout.groups import Group
from harness.seeds import ProblemOrder, Purpose, derive_seed


@dataclass(frozen=True, kw_only=True, slots=True)
class RolloutBatch:
    """The completions that one step trains on."""

    groups: list[Group]
    new: int
    """The number of groups, from the front, that are used for the first time. Only these are charged."""


class Sampler(Protocol):
    """The source of completions for a regime."""

    @property
    def iteration(self) -> int:
        """The number of steps so far."""
        ...

    @property
    def seed(self) -> int: ...

    def sample(self, prompts: int, waiting: Sequence[Group] = (), again: Sequence[Group] = ()) -> list[Group] | None:
        """Graded completions of the current policy for the next ``prompts`` problems.

        None if the budget does not cover steps on the ``waiting`` groups and then one on these completions together
        with the groups that are used ``again``.
        """
        ...

    def covers(self, batch: RolloutBatch) -> bool:
        """Whether the budget covers a step on ``batch``."""
        ...

    def discard(self, groups: Sequence[Group]) -> None:
        """Count completions that are never trained on."""
        ...

    def score(self, groups: Sequence[Group]) -> list[Group]:
        """The groups with those required scores that do not depend on the current policy."""
        ...


class Regime(Protocol):
    """Supplies rollout batches."""

    held: list[Group]
    """Completions that are kept for later steps. Together with the weights, they are all that a resume needs."""

    @property
    def fresh(self) -> bool:
        """Whether a batch was sampled by the same policy that the first update on it starts from."""
        ...

    def next(self, sampler: Sampler) -> RolloutBatch | None:
        """The next batch, or None at the end of the budget."""
        ...


@dataclass
class Queue:
    """Completions wait ``lag`` steps before they are trained on. A lag of 0 is on-policy.

    Waiting completions are equivalent to sampling with the weights of ``lag`` steps ago, but only completions must be
    kept, and not weights. The first ``lag`` batches come from the start weights.
    """

    prompts: int
    lag: int
    held: list[Group] = field(default_factory=list)

    @property
    def fresh(self) -> bool:
        return self.lag == 0

    def next(self, sampler: Sampler) -> RolloutBatch | None:
        while len(self.held) <= self.lag * self.prompts:
            if sampler.iteration and len(self.held) < self.lag * self.prompts:
                break  # a budget in seconds refused a batch before, and a later one would be too young
            groups = sampler.sample(self.prompts, self.held)
            if groups is None:
                break
            self.held = self.held + groups
        batch = RolloutBatch(groups=self.held[: self.prompts], new=self.prompts)
        if not self.held or not sampler.covers(batch):  # a budget in seconds may end while completions wait
            sampler.discard(self.held)
            self.held = []  # a checkpoint that still held them would count them again
            return None
        self.held = self.held[self.prompts :]
        return batch


@dataclass
class Replay:
    """Part of each batch is drawn, without repetition, from the newest ``size`` groups before it.

    The first batch is completely fresh, and so is any batch for which the buffer has too few groups.
    """

    prompts: int
    size: int
    again: int
    """The number of groups per batch that come from the buffer."""
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
    """A fixed set of completions of the reference, in a new order each epoch."""

    prompts: int
    groups: list[Group]
    order: ProblemOrder[int]
    """The order of indices into ``groups``. The first epoch comes first, so new groups are at the front of a batch."""
    held: list[Group] = field(default_factory=list)
    """Always empty, because the set is in a file of its own."""
    scored: list[Group] = field(default_factory=list)
    fresh: bool = False

    def next(self, sampler: Sampler) -> RolloutBatch | None:
        if not self.scored:  # all together, so that packing does not depend on where a run was resumed
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
    """The regime of a run with ``prompts`` groups per batch and ``updates`` optimiser steps per batch.

    ``fixed``: the offline set, or empty. ``held``: the completions that a resumed run had kept.
    """
    match spec.kind:
        case "replay":
            return Replay(prompts, size=spec.size // group_size, again=spec.again(prompts), held=held)
        case "offline":
            return Offline(prompts, fixed, ProblemOrder(range(len(fixed)), seed))
    return Queue(prompts, lag=spec.steps // updates, held=held)
