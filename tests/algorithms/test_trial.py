"""A trial step finds what would fail in a real step, and finds no fault in the existing objectives."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import pytest
import torch
from torch import Tensor

from algorithms import OBJECTIVES
from algorithms.constrained import Constrained
from algorithms.reinforce import Reinforce
from algorithms.robust import Robust
from algorithms.scores import COMPUTED
from algorithms.trial import UnfitObjective, try_out
from algorithms.types import Batch, LossOutput, Objective, PolicyOutput


@pytest.mark.parametrize("name", OBJECTIVES)
def test_every_built_in_objective_passes(name: str) -> None:
    inner = OBJECTIVES[name]()
    try_out(inner)
    try_out(Robust(inner=inner, kind="kl", radius=0.1))
    if "ref_rewards" not in inner.requires:
        try_out(Constrained(inner=inner, quantity="length", limit=3.0))


@dataclass(frozen=True, kw_only=True)
class Curious(Reinforce):
    """Looks at every field that can be required. Each must be there, on the sampled tokens only."""

    requires: ClassVar[frozenset[str]] = COMPUTED

    def loss(self, policy: PolicyOutput, batch: Batch) -> LossOutput:
        for tensor in batch.given().values():
            assert len(tensor) == len(batch.rewards)
            assert tensor.shape != batch.mask.shape or (tensor[~batch.mask] == 0).all()
        assert policy.values is not None
        return LossOutput(loss=(policy.logp.sum() + policy.values.sum()))


def test_it_has_all_that_an_objective_may_require() -> None:
    try_out(Curious())


class Broken(Reinforce):
    def __init__(self, kind: str) -> None:
        super().__init__()
        object.__setattr__(self, "kind", kind)

    def loss(self, policy: PolicyOutput, batch: Batch) -> LossOutput:
        once = Reinforce.loss(self, policy, batch).loss
        match self.kind:  # type: ignore[attr-defined]
            case "rows":
                return LossOutput(loss=once + policy.logp.sum(1))
            case "nan":
                return LossOutput(loss=once * float("nan"))
            case "gradient":
                return LossOutput(loss=once + (policy.logp.sum() * 0).sqrt())
            case "number":
                return once  # type: ignore[return-value]
            case "detached":
                return LossOutput(loss=once.detach())
        raise AttributeError("batch has no attribute 'reward'")


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("rows", UnfitObjective),
        ("nan", UnfitObjective),
        ("gradient", UnfitObjective),
        ("number", UnfitObjective),
        ("detached", RuntimeError),
        ("name", AttributeError),
    ],
)
def test_what_fails_in_training_fails_here(kind: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        try_out(Broken(kind))


@dataclass(frozen=True, kw_only=True)
class Summed(Reinforce):
    """The totals are those of both parts."""

    def totals(self, batch: Batch) -> Mapping[str, Tensor]:
        return {"rewards": batch.rewards.sum()}

    def loss(self, policy: PolicyOutput, batch: Batch) -> LossOutput:
        assert batch.totals["rewards"] == 4
        return Reinforce.loss(self, policy, replace(batch, rewards=torch.ones(4)))


def test_totals_are_of_the_whole_step() -> None:
    objective: Objective = Summed()
    try_out(objective)
