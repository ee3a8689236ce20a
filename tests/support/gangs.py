"""Runs over several devices on a machine without any. Defines what their ranks do in worker processes."""

import os
import signal
import threading
import time
from functools import partial
from pathlib import Path
from typing import Any

from harness.launch.devices import cpu_slots
from harness.launch.executors.carrying import carry
from harness.launch.executors.executor import Broken, RunRequest, Terms
from harness.launch.executors.local import LocalExecutor, Work, work
from harness.launch.executors.worker import asked_to_stop
from harness.launch.interrupts import Interrupts
from harness.training import checkpoint
from harness.training.loop import Outcome
from harness.training.state import RunState
from tests.support.processes import FORKS
from tests.support.small import INVOCATION, small_config

BUDGET = {"unit": "completions", "total": 100}


def gang_request(directory: Path, devices: int, objective: str = "ppo", **changes: Any) -> RunRequest:
    """A small run over ``devices``, with groups that do not divide evenly."""
    changes = {"rollout__prompts": 5, "rollout__group_size": 4, "budget": BUDGET} | changes
    config = small_config(objective, compute__devices=devices, **changes)
    return RunRequest(config=config, directory=directory, devices=devices)


def carry_gang(request: RunRequest, work: Work = work) -> Outcome | Broken:
    """Runs it on the processor of this machine, with each rank in a worker of its own. Returns how it ends."""
    executor = LocalExecutor(cpu_slots(request.devices), work=work, context=FORKS)
    try:
        ((_, outcome),) = executor.run([request], Terms(invocation=INVOCATION), Interrupts(), lambda: None)
    finally:
        executor.kill()
    return outcome


def in_files(request: RunRequest, terms: Terms) -> Outcome | Broken:
    """A rank whose sharded checkpoints have one file per rank, even if they are small."""
    checkpoint.ONE_FILE = 0  # changes only this process, which does nothing else
    return work(request, terms)


def killed(rank: int, lines: int, delay: float) -> Work:
    """Kills rank ``rank`` ``delay`` seconds after the journal has ``lines`` lines, and notes the time.

    Checkpoints are like those of :func:`in_files`.
    """
    return partial(_killed, rank, lines, delay)


def _killed(rank: int, lines: int, delay: float, request: RunRequest, terms: Terms) -> Outcome | Broken:
    journal = request.directory / "journal.jsonl"

    def kill() -> None:
        while not (journal.is_file() and journal.read_bytes().count(b"\n") >= lines):
            time.sleep(0.002)
        time.sleep(delay)
        (request.directory.parent / "killed").write_text(str(time.time()))
        os.kill(os.getpid(), signal.SIGKILL)

    if os.environ["RANK"] == str(rank):
        threading.Thread(target=kill, daemon=True).start()
    return in_files(request, terms)


def raising(rank: int, error: Exception) -> Work:
    """Rank ``rank`` raises at the start of its third step."""
    return partial(_raising, rank, error)


def _raising(rank: int, error: Exception, request: RunRequest, terms: Terms) -> Outcome | Broken:
    share = RunState.share

    def raise_late(run: RunState) -> float:
        if run.world.rank == rank and run.iteration == 2:
            raise error
        return share(run)

    RunState.share = raise_late  # type: ignore[method-assign]
    return carry(request, terms, asked_to_stop)


def stopped(rank: int, steps: int) -> Work:
    """Asks only rank ``rank`` to stop, after ``steps`` steps."""
    return partial(_stopped, rank, steps)


def _stopped(rank: int, steps: int, request: RunRequest, terms: Terms) -> Outcome | Broken:
    asked = iter(range(steps))
    mine = os.environ.get("RANK", "0") == str(rank)
    return carry(request, terms, lambda: mine and next(asked, None) is None)
