"""A run over two ranks with sharded models is the run of one process, even if it resumes on other devices."""

from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import torch

from harness.training import checkpoint
from harness.world import World
from tests.support.ranks import in_ranks
from tests.support.small import run_small, small_config, steps

TWO: dict[str, Any] = {"compute__devices": 2, "compute__parallel": "shard"}
KL = {"quantity": "kl", "limit": 0.01, "rate": 0.5}
SHORT: dict[str, Any] = {"budget": {"unit": "completions", "total": 32}}
"""One or two steps, because only the first one is compared."""
ARMS: dict[str, tuple[str, dict[str, Any]]] = {
    "on policy": ("agro", {}),
    "a critic, a limit, minibatches, optimism": (
        "ppo",
        SHORT
        | {
            "objectives__ppo__constraint": KL,
            "optimizer__updates_per_rollout": 2,
            "optimizer__minibatches": 2,
            "optimizer__optimism": 0.5,
        },
    ),
    "old completions, worst case, icepop, layer by layer": (
        "m2po",
        SHORT
        | {
            "objectives__m2po__robust": {"kind": "chi_square", "radius": 0.5},
            "optimizer__icepop": [0.5, 2.0],
            "regime": "stale:2",
            "compute__reshard": True,
        },
    ),
    "a buffer, whole completions masked": (
        "kto",
        SHORT | {"regime": "replay:32,0.5", "optimizer__sequence_mask": [0.5, 2.0]},
    ),
    "a fixed set, rewards of the reference, adapters": (
        "astar_po",
        SHORT
        | {
            "regime": "offline",
            "rollout__offline_completions": 48,
            "rollout__reference_samples": 2,
            "policy__lora": {"rank": 4},
        },
    ),
    "truncated weights, layers computed again, a layer at a time": (
        "grpo",
        SHORT | {"optimizer__importance_cap": 2.0, "policy__gradient_checkpointing": True, "compute__reshard": True},
    ),
}
STOPPED = 3
"""The number of steps before a run is stopped."""


def until(stop: int | None) -> dict[str, Any]:
    left = iter(range(stop - 1)) if stop else None
    return {"should_stop": lambda: left is not None and next(left, None) is None}


def everything(world: World, folder: Path) -> dict[str, Any]:
    """Everything that takes two ranks. To start them takes longer than the tests."""
    torch.set_num_threads(1)
    for number, (objective, changes) in enumerate(ARMS.values()):
        assert run_small(small_config(objective, **changes, **TWO), folder / f"{number}" / "runs" / "two", world=world)
    config = small_config("agro", **TWO)
    for kind, limit in (("one", 1 << 40), ("slots", 0)):
        with mock.patch.object(checkpoint, "ONE_FILE", limit):
            run_small(config, folder / f"stopped-{kind}", world=world, **until(STOPPED))
    run_small(small_config("agro", compute__devices=2), folder / "replicated", world=world, **until(STOPPED))
    for begun in ("alone", "replicated"):
        run_small(config, folder / begun, world=world)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the runs of both ranks."""
    made = tmp_path_factory.mktemp("runs")
    run_small(small_config("agro"), made / "alone", **until(STOPPED))
    in_ranks(2, everything, made)
    return made


def assert_alike(one: Path, other: Path, *, count: int | None = None) -> None:
    """Checks that the first ``count`` steps are alike; by default, all of them."""
    pairs = list(zip(steps(one), steps(other), strict=True))[:count]
    assert pairs
    for mine, theirs in pairs:
        assert mine["completions"] == theirs["completions"] and mine["spent"] == theirs["spent"]
        assert mine["metrics"] == pytest.approx(theirs["metrics"], rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("number", range(len(ARMS)), ids=list(ARMS))
def test_the_first_step_is_that_of_one_process(number: int, folder: Path) -> None:
    objective, changes = list(ARMS.values())[number]
    alone = folder / f"{number}" / "runs" / "alone"
    run_small(small_config(objective, **{k: v for k, v in changes.items() if k != "compute__reshard"}), alone)
    assert_alike(alone.with_name("two"), alone, count=1)
    assert len(list((alone.with_name("two") / "final").iterdir())) == len(list((alone / "final").iterdir()))


def test_a_run_stopped_on_some_devices_is_taken_up_on_others(folder: Path) -> None:
    """From shards in both kinds of checkpoint to one device.

    Also from one device, and from two with all weights each, to shards.
    """
    whole_run = folder / "0" / "runs" / "two"
    for kind in ("one", "slots"):
        stopped = folder / f"stopped-{kind}"
        assert len(steps(stopped)) == STOPPED
        assert (stopped / "checkpoint-0").exists() == (kind == "slots")
        assert run_small(small_config("agro"), stopped) == "finished"
    for taken_up in ("stopped-one", "stopped-slots", "alone", "replicated"):
        assert_alike(folder / taken_up, whole_run)
        assert not list((folder / taken_up).glob("checkpoint*"))
