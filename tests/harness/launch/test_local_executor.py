"""Worker processes on devices that do not exist: which device each sees, what runs side by side, and how they end."""

import os
import time
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.launch.devices import Device
from harness.launch.executors.executor import Broken, Ended
from harness.launch.executors.local import LocalExecutor, Work
from harness.launch.executors.worker import Worker
from harness.launch.interrupts import Interrupts
from tests.support import pinned
from tests.support.pinned import TERMS, Visit, fake_gpus, note, requests, visits, wait_for_stop
from tests.support.processes import FORKS
from tests.support.small import small_config


def local(devices: list[Device], work: Work, runs_per_device: int = 1) -> LocalExecutor:
    """An executor whose processes start at once."""
    return LocalExecutor(devices, runs_per_device=runs_per_device, work=work, context=FORKS)


def carried(
    executor: LocalExecutor, out: Path, devices: list[int], seen: list[dict[str, str]] | None = None
) -> list[Ended]:
    """How the requests ended. ``seen`` gets the runs that were running at each look."""
    watch = (lambda: seen.append(dict(executor.running()))) if seen is not None else (lambda: None)
    return list(executor.run(requests(out, devices), TERMS, Interrupts(), watch))


def together(found: list[Visit]) -> list[tuple[Visit, Visit]]:
    """Pairs of visits of different runs that were there at the same time."""
    pairs = combinations(found, 2)
    return [(a, b) for a, b in pairs if a.run != b.run and a.began < b.ended and b.began < a.ended]


@pytest.fixture(scope="module")
def two_gpus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[list[Visit], list[dict[str, str]]]]:
    """Eight runs on two GPUs. One of them takes both."""
    out = tmp_path_factory.mktemp("two")
    seen: list[dict[str, str]] = []
    executor = local(fake_gpus(2), work=note)
    ended = carried(executor, out, [1, 1, 1, 2, 1, 1], seen)
    executor.close()
    assert [outcome for _, outcome in ended] == ["finished"] * 6
    yield visits(out), seen


Two = tuple[list[Visit], list[dict[str, str]]]


def test_each_worker_has_its_own_gpu_and_no_other(two_gpus: Two) -> None:
    found, _ = two_gpus
    by_process: dict[int, set[str]] = {}
    for visit in found:
        by_process.setdefault(visit.process, set()).add(visit.visible)
    assert sorted(map(sorted, by_process.values())) == [["10"], ["11"]]


def test_no_two_runs_share_a_gpu_at_a_time(two_gpus: Two) -> None:
    found, _ = two_gpus
    assert together(found), "nothing ran side by side"
    assert all(a.visible != b.visible for a, b in together(found))


def test_a_run_of_two_devices_has_a_rank_on_each_and_none_beside_it(two_gpus: Two) -> None:
    found, _ = two_gpus
    ranks = [visit for visit in found if visit.run == "003"]
    assert [(visit.rank, visit.world) for visit in ranks] == [(0, "2"), (1, "2")]
    assert {visit.visible for visit in ranks} == {"10", "11"}
    assert not [pair for pair in together(found) if "003" in (pair[0].run, pair[1].run)]
    assert {visit.world for visit in found if visit.run > "003"} == {"alone"}, "what comes later thinks it is a rank"


def test_where_runs_run_is_seen_while_they_do(two_gpus: Two) -> None:
    _, seen = two_gpus
    places: dict[str, set[str]] = {}
    for look in seen:
        assert len(look) <= 2
        for run, where in look.items():
            places.setdefault(run, set()).add(where)
    assert len(places) == 6, "each is seen, however short it is"
    assert all(len(where) == 1 for where in places.values())
    assert sorted(set.union(*places.values())) == ["cuda:0", "cuda:0 cuda:1", "cuda:1"]


def test_runs_share_a_gpu_where_they_are_told_to(tmp_path: Path) -> None:
    executor = local(fake_gpus(1), runs_per_device=2, work=note)
    carried(executor, tmp_path, [1, 1, 1, 1])
    executor.close()
    found = visits(tmp_path)
    assert {visit.visible for visit in found} == {"10"}
    assert len({visit.process for visit in found}) == 2
    for visit in found:
        assert sum(visit in pair for pair in together(found)) <= 2  # one when it starts, and one when it ends
    assert together(found)


def begun(out: Path, count: int) -> list[int]:
    """The processes of runs that have begun and never end."""
    deadline = time.monotonic() + 120
    while len(found := [int(text) for path in out.glob("*/begun") if (text := path.read_text())]) < count:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return found


def alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


ALL_END = {
    pinned.second_rank_dies: r"a worker process on cuda:1 died during agro-s0-\w+, rank 1 of 2 .* resumes",
    pinned.second_rank_raises: "no room",
}
"""The causes that end all runs, with the message for each."""


@pytest.mark.parametrize("work", [*ALL_END, pinned.second_rank_breaks])
def test_a_rank_that_fails_ends_its_run_within_seconds(
    work: Work, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.launch.executors.local.GRACE", 0.5)
    executor = local(fake_gpus(2), work=work)
    ended = executor.run(requests(tmp_path, [2, 1]), TERMS, Interrupts(), lambda: None)
    if work in ALL_END:
        with pytest.raises(HarnessError, match=ALL_END[work]):
            next(ended)
    else:
        (_, first), (_, second) = ended
        assert isinstance(first, Broken) and first.reason == "of its own"
        assert second == "finished", "another run gets new processes"
    executor.close()
    assert not any(map(alive, [int(path.read_text()) for path in tmp_path.glob("*/begun")]))


def test_a_worker_whose_answer_nobody_reads_ends_in_silence(capfd: pytest.CaptureFixture[str]) -> None:
    (device,) = fake_gpus(1)
    stop = FORKS.Event()
    worker = Worker(FORKS, device, stop)
    worker.call(os.getpid)
    assert worker.connection.poll(60)
    worker.end()
    assert worker._process.exitcode == 0
    assert capfd.readouterr().err == ""


def test_killed_workers_end_at_once_whatever_they_are_at(tmp_path: Path) -> None:
    executor = local(fake_gpus(2), work=pinned.hang)
    running = executor.run(requests(tmp_path, [1, 1, 1]), TERMS, Interrupts(), lambda: kill_once_begun(tmp_path))
    with pytest.raises(KeyboardInterrupt):
        next(running)
    began = time.monotonic()
    executor.kill()
    executor.close()
    assert time.monotonic() - began < 5
    assert not any(map(alive, begun(tmp_path, 2)))
    assert len(begun(tmp_path, 2)) == 2, "the third has begun, too"


def kill_once_begun(out: Path) -> None:
    if len(list(out.glob("*/begun"))) == 2:
        raise KeyboardInterrupt


def test_the_first_interrupt_starts_no_other_and_waits_for_those_that_run(tmp_path: Path) -> None:
    executor, interrupts = local(fake_gpus(2), work=wait_for_stop), Interrupts()

    def watch() -> None:
        interrupts.asked = interrupts.asked or len(executor.running()) == 2

    ended = list(executor.run(requests(tmp_path, [1] * 6), TERMS, interrupts, watch))
    executor.close()
    assert [outcome for _, outcome in ended] == ["interrupted", "interrupted"]


@pytest.mark.parametrize(("devices", "again"), [(1, True), (2, False)])
def test_no_rank_runs_where_the_first_look_was_taken(
    devices: int, again: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There, an engine leaves a process group with one process."""
    monkeypatch.setattr("harness.launch.executors.local.look", pinned.process_of)
    executor, config = local(fake_gpus(2), work=note), small_config(compute__devices=devices)
    processes = [executor.look(config, Interrupts(), lambda: None) for _ in range(2)]
    executor.close()
    assert (processes[0] == processes[1]) is again
