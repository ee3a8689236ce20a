"""Runs a function in several processes that form one gloo group."""

import os
import pickle
import time
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, TypeVar

import torch.distributed as dist

from harness.launch.gang import MeetingPoint
from harness.world import Ranks
from tests.support.processes import FORKS

T = TypeVar("T")


def in_ranks(size: int, function: Callable[..., T], *args: Any, patience: float = 300) -> list[T]:
    """The results of ``function(world, *args)`` on each of ``size`` ranks.

    The function must belong to a module, because processes find it by name.

    Raises:
        AssertionError: A rank raised, died, or took longer than ``patience`` seconds. The message has all tracebacks.
    """
    point = MeetingPoint(size)
    ends = [FORKS.Pipe(duplex=False) for _ in range(size)]
    processes = [
        FORKS.Process(target=_rank, args=(environment, theirs, function, args))
        for environment, (_, theirs) in zip(point.environments, ends, strict=True)
    ]
    for process in processes:
        process.start()
    for _, theirs in ends:
        theirs.close()
    deadline = time.monotonic() + patience
    try:
        found = [_received(mine, deadline) for mine, _ in ends]
    finally:
        for process in processes:
            process.kill()
            process.join()
    errors = [f"rank {rank}: {error}" for rank, (_, error) in enumerate(found) if error]
    assert not errors, "\n".join(errors)
    return [result for result, _ in found]


def _received(end: Connection, deadline: float) -> tuple[Any, str]:
    """The result of the rank, or the reason why there is none."""
    try:
        if not end.poll(max(0.0, deadline - time.monotonic())):
            return None, "took too long"
        result, error = pickle.loads(end.recv_bytes())
    except EOFError:
        return None, "died"
    return result, error


def _rank(environment: dict[str, str], end: Connection, function: Callable[..., Any], args: Any) -> None:
    os.environ |= environment
    try:
        dist.init_process_group("gloo")
        found = function(Ranks(), *args), ""
        dist.barrier()  # no rank leaves while another still listens
    except BaseException:
        found = None, traceback.format_exc()
    end.send_bytes(pickle.dumps(found))  # with send, tensors would disappear together with this process
