"""One run over several processes ends as one. After the death of a rank it resumes, on any number of processes."""

import os
import random
import socket
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from harness.errors import HarnessError
from harness.launch.devices import VISIBLE
from harness.launch.executors.executor import Broken
from harness.launch.gang import MeetingPoint, main, meeting, pin
from harness.records.events import Resumed
from harness.records.journal import Journal
from harness.records.out_dir import CHECKPOINT
from tests.support.gangs import carry_gang, gang_request, in_files, killed, raising, stopped
from tests.support.small import assert_same_run, history, journal_of, run_small, steps

FEW = {"unit": "completions", "total": 12}
AT_ONCE = 10.0
"""The limit for the seconds between the end of a rank and the end of its gang."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run over two devices without interruption."""
    directory = tmp_path_factory.mktemp("whole") / "runs" / "two"
    assert carry_gang(gang_request(directory, 2)) == "finished"
    return directory


@pytest.fixture(scope="module")
def in_shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same run with sharded models."""
    directory = tmp_path_factory.mktemp("in-shards") / "runs" / "two"
    assert carry_gang(gang_request(directory, 2, compute__parallel="shard"), in_files) == "finished"
    return directory


@pytest.mark.parametrize(("parallel", "expected"), [("replicate", "whole"), ("shard", "in_shards")])
def test_any_rank_killed_at_any_moment_ends_the_gang_and_the_run_is_taken_up(
    parallel: str, expected: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """Five moments, from before the first evaluation to the last step. Rank 0 and rank 1 take turns."""
    uninterrupted: Path = request.getfixturevalue(expected)
    run = gang_request(tmp_path / "runs" / "two", 2, compute__parallel=parallel)
    chance = random.Random(time.time_ns())
    for turn, lines in enumerate((0, 3, 4, 6, 8)):
        rank, delay = turn % 2, chance.uniform(0, 0.1)
        with pytest.raises(HarnessError, match=f"on cpu:{rank} died during ppo-s0-.*, rank {rank} of 2"):
            carry_gang(run, killed(rank, lines, delay))
        assert time.time() - float((run.directory.parent / "killed").read_text()) < AT_ONCE
        assert len(history(run.directory) if run.directory.exists() else []) < len(history(uninterrupted))
    assert carry_gang(run, in_files) == "finished"
    assert_same_run(run.directory, uninterrupted)


@pytest.mark.parametrize(("rank", "error"), [(0, HarnessError("no more")), (1, HarnessError("no more"))])
def test_what_breaks_one_rank_is_told_and_ends_the_others(rank: int, error: Exception, tmp_path: Path) -> None:
    began = time.monotonic()
    outcome = carry_gang(gang_request(tmp_path / "runs" / "two", 2), raising(rank, error))
    assert isinstance(outcome, Broken) and outcome.reason == "no more"
    assert time.monotonic() - began < 3 * AT_ONCE


def test_a_defect_of_another_rank_is_named_with_its_rank(tmp_path: Path) -> None:
    outcome = carry_gang(gang_request(tmp_path / "runs" / "two", 2), raising(1, MemoryError("too large")))
    assert isinstance(outcome, Broken) and outcome.reason.startswith("rank 1: MemoryError: too large at ")


@pytest.mark.parametrize(("first", "then"), [(2, 1), (1, 2), (2, 3)])
def test_a_run_is_taken_up_on_another_number_of_devices(first: int, then: int, whole: Path, tmp_path: Path) -> None:
    """The run id is the same. The completions are the same as long as tokens agree. The journal tells what happened."""
    directory = tmp_path / "runs" / "run"
    before, after = gang_request(directory, first), gang_request(directory, then)
    assert before.config.run_id == after.config.run_id
    patience = iter(range(3))
    if first == 1:
        outcome = run_small(before.config, directory, should_stop=lambda: next(patience, None) is None)
    else:
        outcome = carry_gang(before, stopped(first - 1, 4))
    assert outcome == "interrupted" and (directory / CHECKPOINT).is_file()
    kept = steps(directory)[:3]  # up to its checkpoint
    again = run_small(after.config, directory) if then == 1 else carry_gang(after)
    assert again == "finished"
    assert steps(directory)[:3] == kept
    assert [step["completions"] for step in steps(directory)] == [step["completions"] for step in steps(whole)]
    (resumed,) = [event for event in Journal(directory).read() if isinstance(event, Resumed)]
    assert resumed.versions.get("devices") == (f"{then}, replicate" if then > 1 else None)
    assert journal_of(directory)[0]["config"]["compute"]["devices"] == first


def test_a_rank_without_groups_has_seen_the_same_step(tmp_path: Path) -> None:
    """One prompt per step, for two devices."""
    few = {"rollout__prompts": 1, "optimizer__minibatches": 1, "optimizer__updates_per_rollout": 1}
    two, one = (gang_request(tmp_path / "runs" / str(n), n, budget=FEW, **few) for n in (2, 1))
    assert carry_gang(two) == run_small(one.config, one.directory) == "finished"
    told, expected = steps(two.directory), steps(one.directory)
    assert [step["completions"] for step in told] == [step["completions"] for step in expected]
    assert told[0]["metrics"] == pytest.approx(expected[0]["metrics"], rel=1e-4, abs=1e-6)


@pytest.mark.parametrize(
    ("chosen", "place", "pinned"),
    [(None, "1", "1"), ("4, 7", "1", "7"), ("GPU-a,GPU-b", "0", "GPU-a"), ("6", "1", "6"), ("", "1", "")],
)
def test_each_rank_takes_its_own_gpu_and_none_that_is_hidden(
    chosen: str | None, place: str, pinned: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VISIBLE, "of another test")
    if chosen is None:
        monkeypatch.delenv(VISIBLE)
    else:
        monkeypatch.setenv(VISIBLE, chosen)
    monkeypatch.setenv("LOCAL_RANK", place)
    pin()
    assert os.environ[VISIBLE] == pinned


@pytest.mark.parametrize(("device", "local", "left"), [("cpu", "1", ["destroyed"]), ("cuda", "0", [])])
def test_a_rank_that_fails_on_a_gpu_leaves_its_group_to_the_end_of_its_process(
    device: str, local: str, left: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """NCCL would wait there for ranks that wait for this one. The test uses a stand-in for two GPUs."""
    ended: list[str] = []
    monkeypatch.setattr("torch.cuda.device_count", lambda: 1)
    monkeypatch.setattr("torch.distributed.is_initialized", lambda: False)  # vLLM may have left a group in this process
    monkeypatch.setattr("torch.distributed.init_process_group", lambda backend, timeout: None)
    monkeypatch.setattr("torch.distributed.destroy_process_group", lambda: ended.append("destroyed"))
    monkeypatch.setattr("harness.launch.gang.Ranks", lambda: SimpleNamespace(rank=1, size=2))
    for name, value in MeetingPoint(2).environments[1].items():
        monkeypatch.setenv(name, value)
    with pytest.raises(MemoryError), meeting(device):
        assert os.environ["LOCAL_RANK"] == local
        raise MemoryError
    assert ended == left
    with meeting(device):
        pass
    assert ended == [*left, "destroyed"]


def test_a_process_without_a_gang_says_so(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RANK", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)
    for name in ("WORLD_SIZE", "LOCAL_RANK"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
    assert main(["--algos", "agro"]) == 2
    assert capsys.readouterr().err == (
        "harness: RANK, MASTER_PORT are not set, so this process is not part of a gang; start it with "
        "torchrun --nproc-per-node N -m harness.launch.gang\n"
    )


def test_no_other_process_can_take_the_port_at_which_a_gang_will_meet() -> None:
    """The port is held before the ranks know about it. All tests of gangs show that no rank binds it again."""
    point = MeetingPoint(2)
    ports = {environment["MASTER_PORT"] for environment in point.environments}
    with socket.socket() as other, pytest.raises(OSError, match="in use"):
        other.bind(("", int(ports.pop())))
    assert not ports


def test_one_process_does_not_carry_a_run_of_two(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match=r"compute\.devices is 2, but this run has 1 process"):
        run_small(gang_request(tmp_path, 2).config, tmp_path)
    assert not (tmp_path / "journal.jsonl").exists()
