"""Faults of the environment. Each is set up in a process of its own."""

import importlib
import os
import resource
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

from mlflow import MlflowClient
from sqlalchemy import event
from sqlalchemy.engine import Engine

from harness.launch.devices import Device
from harness.launch.executors import local, worker
from harness.launch.syncing import Syncing
from harness.records.journal import Journal

WRITES = {"open", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.truncate", "shutil.rmtree"}
"""The names of Python's audit events for files."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DiskFull:
    """Limits the size of files while one call of a function runs.

    The kernel refuses to write beyond the limit, whatever language the writer is in. What was written before stays, as
    on a real disk.
    """

    place: str
    """The function, as ``module:attribute.of.it``."""
    call: int = 1
    """The first call that meets the full disk. All later calls meet it too."""
    file: str = ""
    """If given, count only calls whose first argument is a path with this name."""
    room: int = 100
    """The limit in bytes. For a journal, these are bytes beyond its present size."""

    def __call__(self) -> None:
        """Sets up the fault in this process, which is also its own worker."""
        work_here()
        module, _, path = self.place.partition(":")
        *inner, name = path.split(".")
        owner = reduce(getattr, inner, importlib.import_module(module))
        whole, calls = getattr(owner, name), []

        def limited(*args: Any, **kwargs: Any) -> Any:
            if self.file and args[0].name != self.file:
                return whole(*args, **kwargs)
            calls.append(1)
            if len(calls) < self.call:
                return whole(*args, **kwargs)
            before = resource.getrlimit(resource.RLIMIT_FSIZE)
            resource.setrlimit(resource.RLIMIT_FSIZE, (_size(args) + self.room, before[1]))
            try:
                return whole(*args, **kwargs)
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, before)  # the error message is written to a file, too

        setattr(owner, name, limited)


def _size(args: tuple[Any, ...]) -> int:
    journal = args[0].path if args and isinstance(args[0], Journal) else None
    return int(journal.stat().st_size) if journal and journal.is_file() else 0


def late_runs() -> None:
    """Makes MLflow slow to create a run. Meanwhile, other processes can look and find none."""
    whole = MlflowClient.create_run

    def late(*args: Any, **kwargs: Any) -> Any:
        time.sleep(1)
        return whole(*args, **kwargs)

    MlflowClient.create_run = late


@dataclass(frozen=True, kw_only=True, slots=True)
class KilledAtFile:
    """Kills the process with SIGKILL just before an operation on files below a folder."""

    folder: Path
    operation: int

    def __call__(self) -> None:
        seen = []

        def look(name: str, args: tuple[Any, ...]) -> None:
            if name in WRITES and args and str(args[0]).startswith(str(self.folder)):
                seen.append(1)
                if len(seen) == self.operation:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(look)


@dataclass(frozen=True, kw_only=True, slots=True)
class KilledAtStatement:
    """Kills the process with SIGKILL just before an SQL statement."""

    statement: int

    def __call__(self) -> None:
        seen = []

        def look(*rest: Any) -> None:
            seen.append(1)
            if len(seen) == self.statement:
                os.kill(os.getpid(), signal.SIGKILL)

        event.listen(Engine, "before_cursor_execute", look)


class Inline:
    """A worker that runs in this process. So it has the fault that was set up here, and imports nothing again."""

    def __init__(self, context: worker.Context, device: Device, stop: Event) -> None:
        worker._stop = stop
        self.device, self.busy = device, False
        self._ours, self._theirs = context.Pipe()

    @property
    def ready(self) -> tuple[Connection]:
        return (self._ours,)

    def call(self, function: Callable[..., Any], *arguments: Any, environment: object = None) -> None:
        self.busy = True
        try:
            self._answer: tuple[bool, Any] = False, function(*arguments)
        except Exception as error:
            self._answer = True, error
        self._theirs.send("answered")

    def answer(self) -> Any:
        self._ours.recv()
        self.busy = False
        raised, value = self._answer
        if raised:
            raise value
        return value

    def end(self) -> None:
        self._ours.close()
        self._theirs.close()

    kill = end


def work_here() -> None:
    """Makes this process its own worker, without publishing, because a limit would affect the publishing too."""
    local.Worker = Inline  # type: ignore[assignment, misc]
    Syncing.run = lambda self: None  # type: ignore[method-assign]
