"""Scoring of answers in separate processes, which are killed if they take too long."""

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import TypeAlias

from evaluators.types import Verdict

Request: TypeAlias = tuple[str, ...]
"""``(scorer, entry, answer)``. The answer must be allowed by ``scorers.may_see``."""

MOST = 4
"""The maximum number of children, each of which may use ``memory_bytes``."""
PATIENCE = 120.0
"""Wall-clock seconds after which all processes are killed. Only a suspended machine takes that long."""

_WORKER = Path(__file__).with_name("worker.py")
_START_SECONDS = 120.0
_WORDS = frozenset(Verdict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """The reply to a request."""

    verdict: Verdict
    lasting: bool = True
    """Whether the same request would get the same verdict again. False if it was ended from outside."""


class GradingProcess:
    """A running ``worker.py`` and its children, which judge in parallel. Not thread-safe.

    Once it is not ``alive``, start another.

    Raises:
        RuntimeError: it did not start.
    """

    def __init__(self, *, inner_seconds: float, kill_after: float, memory_bytes: int) -> None:
        pipes = [multiprocessing.Pipe() for _ in range(children())]
        self._connections = [ours for ours, _ in pipes]
        theirs = [connection.fileno() for _, connection in pipes]
        # A plain subprocess works in daemonic processes and threads too and, unlike a multiprocessing child,
        # never runs the caller's main module again. -P: this folder's types.py must not hide the library's.
        self._process = subprocess.Popen(
            [sys.executable, "-P", str(_WORKER), *map(str, (inner_seconds, kill_after, memory_bytes, *theirs))],
            pass_fds=theirs,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,  # a keyboard interrupt must only reach the caller
            env=os.environ | {"PYTHONHASHSEED": "0"},  # sympy's order of terms, so its time, depends on it
        )
        for _, connection in pipes:
            connection.close()
        try:
            first = self._connections[0]
            ready = first.poll(_START_SECONDS) and first.recv_bytes() == b"ready"
        except EOFError:
            ready = False
        except BaseException:
            self.close()
            raise
        if not ready:
            self.close()
            raise RuntimeError(
                f"the grading process did not start (exit code {self._process.returncode}); "
                f"run `{sys.executable} -c 'import sympy'` to see why"
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it can take requests."""
        return bool(self._connections) and self._process.poll() is None

    def judge(self, requests: Sequence[Request]) -> dict[Request, Reply]:
        """At least one reply if there are requests. Requests that were not judged when the process died have none.

        Raises:
            RuntimeError: a scorer cannot be loaded.
        """
        waiting, replies = deque(requests), dict[Request, Reply]()
        running: dict[Connection, tuple[Request, float]] = {}
        free = self._connections[::-1]
        try:
            while running or (waiting and free):
                while waiting and free:
                    connection, request = free.pop(), waiting.popleft()
                    running[connection] = (request, time.monotonic() + PATIENCE)
                    with suppress(OSError):  # a dead connection is ready too, and has no reply
                        connection.send_bytes(json.dumps(request).encode())
                earliest = min(deadline for _, deadline in running.values())
                ready = wait(list(running), max(0.0, earliest - time.monotonic()))
                for connection in [one for one in running if one in ready]:
                    request, _ = running.pop(connection)
                    replies[request] = self._receive(connection, request)
                    free += [connection] * (connection in self._connections)
                if not ready:
                    self.close()
                    now = time.monotonic()
                    late = [request for request, deadline in running.values() if deadline <= now]
                    return replies | {one: Reply(verdict=Verdict.TIMEOUT, lasting=False) for one in late}
        except BaseException:  # an interrupt: a late reply must not be taken for the next request's
            self.close()
            raise
        return replies

    def close(self) -> None:
        """Kill the process and its children."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for connection in self._connections:
            connection.close()
        self._connections = []

    def _receive(self, connection: Connection, request: Request) -> Reply:
        try:
            word = connection.recv_bytes().decode()
        except (EOFError, OSError):
            connection.close()
            self._connections.remove(connection)
            word = "lost"
        if word == "lost":
            return Reply(verdict=Verdict.ERROR, lasting=False)
        if word not in _WORDS:
            raise RuntimeError(f"the scorer {request[0]} cannot be loaded ({word}); see that its package is installed")
        return Reply(verdict=Verdict(word))


def children() -> int:
    """The number of available cores, but at least two, so that a slow scorer does not block the others."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(max(2, cores), MOST)
