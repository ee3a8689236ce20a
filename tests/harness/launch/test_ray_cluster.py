"""Runs on a cluster without a common disk. Whatever happens to nodes, the runs are those of one process."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import ray

from harness.config.run_config import RunConfig
from harness.launch.executors.executor import Broken
from harness.launch.executors.ray.connecting import OURS
from harness.launch.executors.ray.executor import RayExecutor
from harness.launch.interrupts import Interrupts
from harness.records.journal import JOURNAL
from harness.records.locks import LOCK
from harness.records.out_dir import CHECKPOINT
from harness.training.slots import SLOTS
from tests.support.ray_cluster import Nodes, nodes, requests_of, run_on_ray
from tests.support.small import assert_same_run, run_small, small_config, steps

LONG = {"budget.total": 400}
OFFLINE = {"regime": "offline", "rollout.offline_completions": 32}


def config_of(objective: str, seed: int, **changes: object) -> RunConfig:
    return small_config(objective, seed, **{key.replace(".", "__"): value for key, value in changes.items()})


LONG_RUNS = [config_of("agro", 0, **LONG), config_of("grpo", 0, **LONG), config_of("agro", 1, **LONG)]
EIGHT = [
    *LONG_RUNS,
    *(config_of(name, seed) for name, seed in (("ppo", 0), ("rloo", 0), ("dpo", 1))),
    *(config_of(name, 0, **OFFLINE) for name in ("agro", "dpo")),
]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Nodes]:
    with nodes(3) as there:
        yield there


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All eight runs, made in this process."""
    suite = tmp_path_factory.mktemp("local") / "suite"
    for request in requests_of(EIGHT, suite):
        assert run_small(request.config, request.directory) == "finished"
    return suite


def begun(requests_running: set[str], out: Path) -> bool:
    """Whether all of these runs have left a state here, and none of them its end."""
    return all((out / "runs" / run_id / CHECKPOINT).is_file() for run_id in requests_running)


def files_of(folder: Path) -> set[str]:
    """The names of the files that are kept. A lock only says that a process held it."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.name != LOCK}


def test_eight_runs_that_are_interrupted_and_then_lose_a_node_are_those_of_one_process(
    cluster: Nodes, local: Path, tmp_path: Path
) -> None:
    """After an interrupt, runs finish their step. The same command resumes them, and then a node dies."""
    out = tmp_path / "suite"
    requests, lost = requests_of(EIGHT, out), list[set[str]]()

    def interrupt(executor: RayExecutor, interrupts: Interrupts) -> None:
        running = set(executor.running())
        interrupts.asked = interrupts.asked or (bool(running) and begun(running, out))

    ended = run_on_ray(requests, interrupt)
    assert "interrupted" in ended.values()
    assert set(ended.values()) <= {"interrupted", "finished"}
    left = [request.directory for request in requests if ended.get(request.config.run_id) == "interrupted"]
    assert any((directory / CHECKPOINT).is_file() for directory in left), "all of them had yet to begin"
    again = time.time()

    def lose(executor: RayExecutor, _: Interrupts) -> None:
        running = set(executor.running())
        states = [state for run_id in running if (state := out / "runs" / run_id / CHECKPOINT).is_file()]
        if not lost and any(state.stat().st_mtime > again for state in states):
            lost.append(running)
            cluster.lose()

    assert run_on_ray(requests, lose) == {config.run_id: "finished" for config in EIGHT}
    assert lost, "no node was taken away"
    for config in EIGHT:
        assert_same_run(local / "runs" / config.run_id, out / "runs" / config.run_id)
    assert files_of(out) == files_of(local)


def test_a_run_that_has_ended_is_not_run_again(cluster: Nodes, local: Path) -> None:
    request = requests_of(EIGHT[:1], local)[0]
    before = {path: path.stat().st_mtime_ns for path in request.directory.rglob("*")}
    assert run_on_ray([request]) == {request.config.run_id: "finished"}
    assert {path: path.stat().st_mtime_ns for path in request.directory.rglob("*")} == before


def test_a_checkpoint_in_several_files_is_not_resumed_elsewhere(cluster: Nodes, tmp_path: Path) -> None:
    request = requests_of(EIGHT[:1], tmp_path / "suite")[0]
    (request.directory / SLOTS[0]).mkdir(parents=True)
    (ended,) = run_on_ray([request]).values()
    assert isinstance(ended, Broken) and "without --executor ray" in ended.reason


def test_the_code_is_sent_to_the_nodes(cluster: Nodes) -> None:
    """On the driver's own machine, Ray prefers the driver's folders, which contain the same code."""

    @ray.remote(num_cpus=1)
    def sent() -> dict[str, bool]:
        import sys
        from importlib.machinery import PathFinder

        folders = [folder for folder in sys.path if "py_modules" in folder]
        return {name: PathFinder.find_spec(name, folders) is not None for name in OURS}

    assert ray.get(sent.remote()) == dict.fromkeys(OURS, True)


def test_what_waits_costs_the_driver_next_to_nothing(cluster: Nodes, tmp_path: Path) -> None:
    """Two hundred runs for which no CPU is free."""

    @ray.remote(num_cpus=1)
    def occupy(released: Path) -> None:
        while not released.exists():
            time.sleep(0.1)

    held = [occupy.remote(tmp_path / "released") for _ in cluster.nodes]
    requests = requests_of([config_of("agro", seed) for seed in range(200)], tmp_path / "suite")
    started: list[tuple[float, float]] = []
    shares: list[float] = []

    def measure(_: RayExecutor, interrupts: Interrupts) -> None:
        now = time.monotonic(), time.process_time()
        started.append(now)
        if now[0] > started[0][0] + 4:
            shares.append((now[1] - started[0][1]) / (now[0] - started[0][0]))
            interrupts.asked = True

    try:
        assert set(run_on_ray(requests, measure).values()) <= {"interrupted"}  # runs that were started while it stopped
    finally:
        (tmp_path / "released").touch()
    assert shares[0] < 0.05
    ray.get(held)
    assert not list(tmp_path.rglob(JOURNAL))


def test_a_gang_that_loses_a_rank_is_begun_again_and_is_the_run_of_one_process(
    cluster: Nodes, local: Path, tmp_path: Path
) -> None:
    request = requests_of([config_of("agro", 0, **LONG, **{"compute.devices": 2})], tmp_path / "suite")[0]
    killed: list[float] = []

    def kill(executor: RayExecutor, _: Interrupts) -> None:
        if not killed and (request.directory / CHECKPOINT).is_file():
            killed.append(time.monotonic())
            cluster.lose()
            cluster.add()

    while len(cluster.nodes) < 2:
        cluster.add()
    assert run_on_ray([request], kill) == {request.config.run_id: "finished"}
    assert killed
    one = local / "runs" / EIGHT[0].run_id
    assert steps(request.directory)[0]["completions"] == steps(one)[0]["completions"]
    assert len(steps(request.directory)) == len(steps(one))
    assert files_of(request.directory) == files_of(one)
