"""Checkpoints of shards. Any number of devices reads what another number has written, and nothing is pickled."""

import os
import pickle
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import torch
from safetensors import safe_open
from torch import nn

from harness.config.optimizer import OptimizerSettings
from harness.config.settings import LoraSettings, ModelSettings, PolicySettings
from harness.errors import HarnessError
from harness.launch.gang import MeetingPoint
from harness.models.critic import Critic
from harness.models.loading import load_policy
from harness.models.parallel import shard, whole
from harness.records.out_dir import CHECKPOINT
from harness.training import checkpoint
from harness.training.checkpoint import COMMON_DISK, Progress, drop_checkpoint, load_checkpoint, save_checkpoint
from harness.training.optimism import extrapolate, remember
from harness.training.optimizer import make_optimizer
from harness.training.slots import SLOTS
from harness.world import Alone, World
from tests.support.processes import FORKS, exit_code
from tests.support.ranks import in_ranks

RUN = "run"
MODELS = {"all weights": None, "adapters": LoraSettings(rank=3)}
KINDS = {"one file": False, "a file a rank": True}
"""How a sharded state is stored that is too large for one file. This depends on whether ranks have a common disk."""
Found = dict[str, dict[str, Any]]
Trained = tuple[dict[str, nn.Module], torch.optim.Optimizer]


def trained(name: str, *, shards: bool, steps: int) -> Trained:
    """A policy, a critic, the state of their optimiser, and gradients of the step before, which optimism needs."""
    model = ModelSettings(path="embedded:tiny-arithmetic", device="cpu", dtype="float32")
    policy = load_policy(model, 1.0, PolicySettings(lora=MODELS[name]))
    modules: dict[str, nn.Module] = {"policy": policy.model, "critic": Critic(policy)}
    for module in reversed(modules.values()):
        if shards:
            shard(module)
    optimizer = make_optimizer(OptimizerSettings(), modules)
    for step in range(steps):
        train(modules, optimizer, step)
    return modules, optimizer


def train(modules: dict[str, nn.Module], optimizer: torch.optim.Optimizer, step: int) -> None:
    """One step with gradients that are a function of the weights."""
    for module in modules.values():
        for parameter in module.parameters():
            if parameter.requires_grad:
                parameter.grad = (parameter.detach() * (1 + step)).cos()
    plain = extrapolate(optimizer, 0.5)
    optimizer.step()
    remember(optimizer, plain)
    optimizer.zero_grad()


def hashes(modules: dict[str, nn.Module], optimizer: torch.optim.Optimizer) -> dict[str, str]:
    state = checkpoint._state(modules, optimizer)
    return {name: sha256(whole(tensor).contiguous().numpy().tobytes()).hexdigest() for name, tensor in state}


def norms(modules: dict[str, nn.Module], optimizer: torch.optim.Optimizer) -> dict[str, float]:
    """The norms of tensors that were computed on shards. Their last bits differ."""
    state = checkpoint._state(modules, optimizer)
    return {name: float(whole(tensor).double().norm()) for name, tensor in state}


def write(world: World, folder: Path) -> Found:
    """Writes checkpoints of both kinds from shards. Returns their contents."""
    torch.set_num_threads(1)
    found = {}
    for name in MODELS:
        modules, optimizer = trained(name, shards=True, steps=2)
        for kind, common in KINDS.items():
            (folder / name / kind).mkdir(parents=True, exist_ok=True)
            COMMON_DISK.set(common)
            with mock.patch.object(checkpoint, "ONE_FILE", 0):
                for journal in (1, 2, 3):  # each replaces the one before
                    progress = Progress(journal_bytes=journal)
                    save_checkpoint(folder / name / kind, RUN, modules, optimizer, progress, [], world)
        found[name] = hashes(modules, optimizer)
    return found


def read(world: World, folder: Path, *, shards: bool) -> Found:
    """The states that are read from checkpoints, by name and kind. Also checks that the run goes on from there."""
    torch.set_num_threads(1)
    found = {}
    for name in MODELS:
        for kind in KINDS:
            modules, optimizer = trained(name, shards=shards, steps=1)
            with unpickled() if not shards else mock.patch.dict(os.environ):
                loaded = load_checkpoint(folder / name / kind, RUN, modules, optimizer)
            assert loaded is not None and loaded[0].journal_bytes == 3
            found[f"{name}, {kind}"] = hashes(modules, optimizer)
            train(modules, optimizer, 2)
            found[f"{name}, {kind}, another step"] = norms(modules, optimizer)
    return found


def both(world: World, folder: Path) -> list[Found]:
    written = write(world, folder)
    return [written, read(world, folder, shards=True)]


@contextmanager
def unpickled() -> Iterator[None]:
    """Makes unpickling inside the block an error."""
    with (
        mock.patch.object(pickle, "load", side_effect=AssertionError),
        mock.patch("torch.load", side_effect=AssertionError),
    ):
        yield


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Found]]:
    folder = tmp_path_factory.mktemp("checkpoints")
    results = in_ranks(2, both, folder)
    assert results[0] == results[1]
    return folder, results[0]


def test_a_state_of_two_ranks_is_read_on_two_on_three_and_on_one(
    written: tuple[Path, list[Found]],
) -> None:
    folder, (state, again) = written
    alone = read(Alone(), folder, shards=False)
    three = in_ranks(3, read_in_shards, folder)
    for name in MODELS:
        for kind in KINDS:
            for found in (alone, again, *three):
                assert found[f"{name}, {kind}"] == state[name]
                assert found[f"{name}, {kind}, another step"] == pytest.approx(
                    again[f"{name}, one file, another step"], rel=1e-6
                )
            assert {key.split("/")[0] for key in state[name]} == {
                "weight",
                "step",
                "exp_avg",
                "exp_avg_sq",
                "previous_gradient",
            }


def read_in_shards(world: World, folder: Path) -> Found:
    return read(world, folder, shards=True)


def test_all_files_are_safetensors(written: tuple[Path, list[Found]]) -> None:
    """And no file of a replaced state is left."""
    for name in MODELS:
        for kind in KINDS:
            folder = written[0] / name / kind
            files = sorted(path for path in folder.rglob("*") if path.is_file())
            assert len(files) == (1 if kind == "one file" else 3)
            for path in files:
                with safe_open(path, "pt") as file:
                    assert list(file.keys())
            assert len([slot for slot in SLOTS if (folder / slot).exists()]) == (kind != "one file")


def lose(path: Path) -> None:
    path.unlink()


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def add(path: Path) -> None:
    shutil.copy(path, path.with_name("shard-00009-model-00001-of-00001.safetensors"))


@pytest.mark.parametrize("rank", [0, 1])
@pytest.mark.parametrize("harm", [lose, cut, add])
def test_a_damaged_state_is_refused(
    harm: Callable[[Path], None],
    rank: int,
    written: tuple[Path, list[Found]],
    tmp_path: Path,
) -> None:
    shutil.copytree(written[0] / "all weights" / "a file a rank", tmp_path / "run")
    harm(sorted((tmp_path / "run").rglob("shard-*"))[rank])
    modules, optimizer = trained("all weights", shards=False, steps=0)
    with pytest.raises(HarnessError, match=r"another version wrote it .*; start the run again with --fresh"):
        load_checkpoint(tmp_path / "run", RUN, modules, optimizer)


def test_a_run_that_ends_leaves_none(written: tuple[Path, list[Found]], tmp_path: Path) -> None:
    shutil.copytree(written[0] / "all weights" / "a file a rank", tmp_path / "run")
    drop_checkpoint(tmp_path / "run")
    assert not list((tmp_path / "run").iterdir())


def killed(environment: dict[str, str], folder: Path, at: str) -> None:
    """A rank that writes a first state and then a second.

    Rank 0 is killed when it comes to ``at``, and the other rank is killed with it.
    """
    import torch.distributed as dist

    from harness.world import Ranks

    os.environ |= environment
    torch.set_num_threads(1)
    dist.init_process_group("gloo")
    modules, optimizer = trained("all weights", shards=True, steps=1)
    checkpoint.ONE_FILE = 0
    save_checkpoint(folder, RUN, modules, optimizer, Progress(journal_bytes=1), [], Ranks())
    train(modules, optimizer, 1)

    def die(*args: Any, **options: Any) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    if dist.get_rank() == 0 or at == "harness.training.slots.save":
        mock.patch(at, die).start()
    save_checkpoint(folder, RUN, modules, optimizer, Progress(journal_bytes=2), [], Ranks())


@pytest.mark.parametrize(
    "at", ["harness.training.slots.save", "harness.training.checkpoint.save_file", "pathlib.Path.replace"]
)
def test_who_is_killed_while_writing_leaves_the_state_before(at: str, tmp_path: Path) -> None:
    point = MeetingPoint(2)
    processes = [FORKS.Process(target=killed, args=(rank, tmp_path, at)) for rank in point.environments]
    for process in processes:
        process.start()
    assert exit_code(processes[0]) == -signal.SIGKILL
    processes[1].join()
    modules, optimizer = trained("all weights", shards=False, steps=0)
    loaded = load_checkpoint(tmp_path, RUN, modules, optimizer)
    assert loaded is not None and loaded[0].journal_bytes == 1
    assert norms(modules, optimizer) == pytest.approx(norms(*trained("all weights", shards=False, steps=1)), rel=1e-6)
    assert (tmp_path / CHECKPOINT).is_file()
