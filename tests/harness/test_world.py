"""What ranks send each other, tested in processes of their own."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from harness.errors import HarnessError
from harness.world import HEAD, Alone, Ranks, World
from tests.support.ranks import in_ranks

SIZE = 3


def told(world: World) -> dict[str, Any]:
    """One answer of each kind."""
    rank, long = world.rank, "x" * (3 * HEAD)
    return {
        "scatter": world.scatter(range(7)),
        "few": world.scatter("ab"),
        "gather": world.gather([rank] * rank),
        "long": world.gather([long] if rank == 1 else []) == [long],
        "sum": world.sum({"a": 1.0 + rank} | ({"b": 2.0} if rank == 1 else {})),
        "max": world.max({"a": -1.0 * rank} | ({"b": -2.0} if rank == 1 else {})),
        "any": [world.any(rank == 2), world.any(False)],
        "first": world.first((rank, long)) == (0, long),
        "first tensor": world.first_tensor(torch.arange(5) + rank if rank == 0 else None).tolist(),
        "no number": world.first_tensor(torch.zeros(0) if rank == 0 else None).shape,
        "scalar": float(world.first_tensor(torch.tensor(2.5) if rank == 0 else None)),
    }


def summed(world: World, bucket: int) -> list[list[float] | None]:
    """Gradients of weights of two types: from all ranks, from one, from none, and for a weight that is not trained."""
    from harness import world as module

    module.BUCKET = bucket
    weights = [torch.nn.Parameter(torch.zeros(n)) for n in (3, 2, 4, 1)]
    weights += [torch.nn.Parameter(torch.zeros(2, 2, dtype=torch.bfloat16))]
    weights[3].requires_grad_(False)
    weights[0].grad = torch.full((3,), 1.0 + world.rank)
    if world.rank == 1:
        weights[1].grad = torch.ones(2)
    if world.rank == 2:
        weights[4].grad = torch.ones(2, 2, dtype=torch.bfloat16).t()  # not contiguous in memory
    world.add_up(weights)
    return [None if p.grad is None else p.grad.flatten().tolist() for p in weights]


def disagree(world: World) -> str:
    world.agree(1, "it is the same")
    try:
        world.agree(world.rank == 1, "another model")
    except HarnessError as error:
        return str(error)
    return ""


def everything(world: World) -> dict[str, Any]:
    """All of the above in one function, because starting processes takes longer."""
    assert isinstance(world, Ranks)
    found: dict[str, Any] = {"told": told(world), "disagree": disagree(world)}
    before = world.sent["gradients"]
    found["summed"] = [summed(world, bucket) for bucket in (1, 4, 1 << 20)]
    return found | {"gradient bytes": world.sent["gradients"] - before}


@pytest.fixture(scope="module")
def found() -> list[dict[str, Any]]:
    return in_ranks(SIZE, everything)


def test_each_rank_hears_the_same(found: list[dict[str, Any]]) -> None:
    shares = [one["told"].pop("scatter") for one in found]
    assert [item for share in shares for item in share] == list(range(7))
    assert [item for one in found for item in one["told"].pop("few")] == ["a", "b"]
    for one in found:
        assert one["told"] == {
            "gather": [1, 2, 2],
            "long": True,
            "sum": {"a": 6.0, "b": 2.0},
            "max": {"a": 0.0, "b": -2.0},
            "any": [True, False],
            "first": True,
            "first tensor": [0, 1, 2, 3, 4],
            "no number": (0,),
            "scalar": 2.5,
        }


def test_gradients_are_summed_where_any_rank_has_one(found: list[dict[str, Any]]) -> None:
    for one in found:
        assert one["summed"] == 3 * [[[6.0] * 3, [1.0] * 2, None, None, [1.0] * 4]]
        numbers, flags = 4 * (3 + 2 + 4) + 2 * 4, 4 * 3 + 2 * 1
        assert one["gradient bytes"] == 3 * (numbers + flags)


def test_ranks_that_differ_are_named(found: list[dict[str, Any]]) -> None:
    assert {one["disagree"] for one in found} == {"rank 1 differs from rank 0: another model"}


def test_alone_nothing_changes() -> None:
    weights = [torch.nn.Parameter(torch.zeros(2)), torch.nn.Parameter(torch.zeros(2))]
    weights[0].grad = gradient = torch.ones(2)
    Alone().add_up(weights)
    assert weights[0].grad is gradient and weights[1].grad is None
    kept: list[Callable[[Any], Any]] = [Alone().gather, Alone().scatter, Alone().first, Alone().first_tensor]
    tensor = torch.ones(2)
    assert [keep([tensor])[0] is tensor for keep in kept[:3]] == [True] * 3 and kept[3](tensor) is tensor


def fail(world: World) -> None:
    if world.rank == 1:
        raise ValueError("of rank 1")
    world.gather([world.rank])


def test_errors_of_all_ranks_are_shown() -> None:
    with pytest.raises(AssertionError, match=r"(?s)rank 0:.*LostRanks: rank 0 lost.*rank 1:.*of rank 1"):
        in_ranks(2, fail, patience=60)
