"""A run over two ranks, its models in shards, is the run of one process: every objective, every regime, stopped and
taken up elsewhere."""

import os
import signal
import time
from collections.abc import Sequence
from dataclasses import replace
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import torch
from torch import Tensor

from harness.config.run_config import RunConfig
from harness.launch.executors.executor import RunRequest, Terms
from harness.launch.gang import free_port, run_rank
from harness.models.parallel import like, whole
from harness.rollout.engines.engine import sample_groups, sampling_of
from harness.rollout.grading import grade_groups, toss_rewards
from harness.rollout.groups import Group, with_scores
from harness.training import checkpoint, update
from harness.training.checkpoint import Progress
from harness.training.open_run import open_run
from harness.training.passes import Passes
from harness.training.scoring import score_sampled, score_start
from harness.training.state import RunState
from harness.world import ALONE, LostRanks, World
from tests.support.batches import CASES
from tests.support.processes import FORKS, exit_code
from tests.support.ranks import environment, in_ranks
from tests.support.small import INVOCATION, assert_same_run, run_small, small_config, steps

TWO: dict[str, Any] = {"compute__devices": 2, "compute__parallel": "shard"}
MANY, FEW = 5, 1
"""Prompts: unevenly many for two ranks, and fewer than ranks."""
OFTEN = ("agro", "grpo", "ppo", "robust_m2po", "dpo", "kto")
"""Cases that are also tried with few prompts, with several updates, and where passes gather a layer at a time."""
GRADIENT = 1e-6
KL = {"quantity": "kl", "limit": 0.01, "rate": 0.5}
ARMS: dict[str, tuple[str, dict[str, Any]]] = {
    "on policy": ("agro", {}),
    "a critic, a limit, minibatches, optimism": (
        "ppo",
        {
            "objectives__ppo__constraint": KL,
            "optimizer__updates_per_rollout": 2,
            "optimizer__minibatches": 2,
            "optimizer__optimism": 0.5,
        },
    ),
    "old completions, worst case, icepop, layer by layer": (
        "m2po",
        {
            "objectives__m2po__robust": {"kind": "chi_square", "radius": 0.5},
            "optimizer__icepop": [0.5, 2.0],
            "regime": "stale:2",
            "compute__reshard": True,
        },
    ),
    "a buffer, whole completions masked": ("kto", {"regime": "replay:32,0.5", "optimizer__sequence_mask": [0.5, 2.0]}),
    "a fixed set, rewards of the reference, adapters": (
        "astar_po",
        {
            "regime": "offline",
            "rollout__offline_completions": 48,
            "rollout__reference_samples": 2,
            "policy__lora": {"rank": 4},
        },
    ),
    "truncated weights, layers computed again, a layer at a time": (
        "grpo",
        {"optimizer__importance_cap": 2.0, "policy__gradient_checkpointing": True, "compute__reshard": True},
    ),
}
LOST = 17
"""The exit code of a rank that says that others are lost."""
STOPPED = 3
"""Steps before a run is stopped."""
Gradients = list[dict[str, Tensor]]


def gradients_of(run: RunState, case: str, groups: Sequence[Group], updates: int) -> Gradients:
    """Whole ones, of each update on the groups; no step is taken."""
    objective, found = CASES[case], []
    optimizer = run.config.optimizer.model_copy(update={"updates_per_rollout": updates, "minibatches": updates})
    passes = Passes.of(objective, run.config.regime_spec, optimizer)
    own = replace(
        run,
        objective=objective,
        passes=passes,
        critic=run.critic if passes.critic else None,
        config=run.config.model_copy(update={"optimizer": optimizer}),
        progress=Progress(),
    )

    def kept(run: RunState, number: int) -> dict[str, float]:
        parameters = [(f"{m}/{n}", p) for m, part in run.modules.items() for n, p in part.named_parameters()]
        found.append({name: whole(p.grad).clone() for name, p in parameters if p.grad is not None})
        run.optimizer.zero_grad()
        return {}

    if passes.samples:
        rewards = [torch.arange(2.0).expand(len(group.completions), 2) for group in groups]
        groups = [with_scores([g], dict.fromkeys(passes.samples, r))[0] for g, r in zip(groups, rewards, strict=True)]
    moved = mock.patch.object(update, "unexplained", return_value=None)  # since it sampled
    with mock.patch.object(update, "_step", kept), moved:
        update.update(own, score_start(own, score_sampled(own, groups)))
    return found


def all_gradients(config: RunConfig, folder: Path, world: World, *, whole_passes: bool) -> dict[str, Gradients]:
    """By case and number of prompts, of a policy that is no longer its reference."""
    found = {}
    folder.mkdir(exist_ok=True)
    with open_run(config, folder, INVOCATION, world=world) as run:
        problems = run.order.take(0, MANY)
        sampling = sampling_of(config, run.asking)
        groups = sample_groups(run.engine, run.policy, problems, 4, sampling, 0, world)
        groups = grade_groups(run.grader, groups, config.task.grading, run.asking.form.marker, world)
        groups = toss_rewards(groups, 0)
        move(run)
        if whole_passes and run.critic:
            run.policy.shares_prompts = run.reference.shares_prompts = run.critic._shares_prompts = False
        for case in OFTEN if whole_passes else CASES:
            for prompts, updates in ((MANY, 1), (FEW, 1), (MANY, 2)) if case in OFTEN else ((MANY, 1),):
                found[f"{case}, {prompts} prompts, {updates} updates"] = gradients_of(
                    run, case, groups[:prompts], updates
                )
    return found


@torch.no_grad()
def move(run: RunState) -> None:
    generator = torch.Generator().manual_seed(0)
    for module in run.modules.values():
        for parameter in module.parameters():
            parameter.add_(like(torch.randn(parameter.shape, generator=generator) * 0.01, parameter))


def apart(one: Gradients, other: Gradients) -> float:
    """The largest relative norm of a difference, over updates."""
    worst = 0.0
    for alone, together in zip(one, other, strict=True):
        assert alone.keys() == together.keys()
        size = torch.stack([g.norm() for g in alone.values()]).norm()
        difference = torch.stack([(alone[name] - together[name]).norm() for name in alone]).norm()
        worst = max(worst, float(difference / size) if size else float(difference))
    return worst


def compared(world: World, folder: Path) -> dict[str, float]:
    """How far gradients of ranks are from those of one process."""
    options: dict[str, Any] = {"compute__micro_batch_tokens": 1}  # each group by itself, however they are dealt
    found = {}
    for reshard in (False, True):
        config = small_config("ppo", **options, **TWO, compute__reshard=reshard)
        together = all_gradients(config, folder / f"sharded-{reshard}", world, whole_passes=reshard)
        if world.rank == 0:
            config, own = small_config("ppo", **options), folder / f"alone-{reshard}"
            alone = all_gradients(config, own, ALONE, whole_passes=reshard)
            kind = ", a layer at a time" if reshard else ""
            found |= {name + kind: apart(alone[name], of) for name, of in together.items()}
    return found


def until(stop: int | None) -> dict[str, Any]:
    left = iter(range(stop - 1)) if stop else None
    return {"should_stop": lambda: left is not None and next(left, None) is None}


def everything(world: World, folder: Path) -> dict[str, Any]:
    """All that takes two ranks: to start them takes longer."""
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
    return compared(world, folder)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("runs")
    run_small(small_config("agro"), made / "alone", **until(STOPPED))
    return made


@pytest.fixture(scope="module")
def found(folder: Path) -> dict[str, float]:
    return in_ranks(2, everything, folder)[0]


def test_gradients_of_every_objective_are_those_of_one_process(found: dict[str, float]) -> None:
    assert len(found) == len(CASES) + 5 * len(OFTEN)
    assert {name: error for name, error in found.items() if not error < GRADIENT} == {}


def assert_alike(one: Path, other: Path, *, count: int | None = None) -> None:
    """The first steps; all by default."""
    pairs = list(zip(steps(one), steps(other), strict=True))[:count]
    assert pairs
    for mine, theirs in pairs:
        assert mine["completions"] == theirs["completions"] and mine["spent"] == theirs["spent"]
        assert mine["metrics"] == pytest.approx(theirs["metrics"], rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("number", range(len(ARMS)), ids=list(ARMS))
def test_the_first_step_is_that_of_one_process(number: int, found: dict[str, float], folder: Path) -> None:
    objective, changes = list(ARMS.values())[number]
    alone = folder / f"{number}" / "runs" / "alone"
    run_small(small_config(objective, **{k: v for k, v in changes.items() if k != "compute__reshard"}), alone)
    assert_alike(alone.with_name("two"), alone, count=1)
    assert len(list((alone.with_name("two") / "final").iterdir())) == len(list((alone / "final").iterdir()))


def test_a_run_stopped_on_some_devices_is_taken_up_on_others(found: dict[str, float], folder: Path) -> None:
    """From shards, in either kind of checkpoint, on one device; and from one device, or from two with all weights
    each, in shards."""
    whole_run = folder / "0" / "runs" / "two"
    for kind in ("one", "slots"):
        stopped = folder / f"stopped-{kind}"
        assert len(steps(stopped)) == STOPPED
        assert (stopped / "checkpoint-0").exists() == (kind == "slots")
        assert run_small(small_config("agro"), stopped) == "finished"
    for taken_up in ("stopped-one", "stopped-slots", "alone", "replicated"):
        assert_alike(folder / taken_up, whole_run)
        assert not list((folder / taken_up).glob("checkpoint*"))


def carry_on(rank: int, port: int, directory: Path) -> None:
    """A rank of a run whose checkpoints are files of shards."""
    os.environ |= environment(rank, 2, port)
    checkpoint.ONE_FILE = 0
    request = RunRequest(config=small_config("agro", **TWO), directory=directory, devices=2)
    try:
        run_rank(request, Terms(invocation=INVOCATION), lambda: False)
    except LostRanks:
        os._exit(LOST)


def gang(directory: Path) -> list[ForkServerProcess]:
    port = free_port()
    processes = [FORKS.Process(target=carry_on, args=(rank, port, directory)) for rank in (0, 1)]
    for process in processes:
        process.start()
    return processes


def test_whichever_rank_is_killed_the_run_ends_as_if_nothing_had_happened(
    found: dict[str, float], folder: Path, tmp_path: Path
) -> None:
    journal = tmp_path / "journal.jsonl"
    for victim, lines in ((1, 3), (0, 6)):
        ranks = gang(tmp_path)
        while all(process.is_alive() for process in ranks):
            if journal.is_file() and journal.read_bytes().count(b"\n") >= lines:
                ranks[victim].kill()
            time.sleep(0.002)
        assert exit_code(ranks[victim]) == -signal.SIGKILL
        assert exit_code(ranks[1 - victim]) == LOST
    assert [exit_code(process) for process in gang(tmp_path)] == [0, 0]
    assert_same_run(tmp_path, folder / "0" / "runs" / "two")
