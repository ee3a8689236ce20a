"""A worker process, which executes calls one after the other on its device."""

import multiprocessing
import os
import signal
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext, SpawnContext
from multiprocessing.synchronize import Event
from typing import Any

import torch

from harness.launch.devices import VISIBLE, Device

Context = SpawnContext | ForkServerContext
_stop: Event


class Died(Exception):
    """The process ended before it answered."""


class Worker:
    """A process on a device."""

    def __init__(self, context: Context, device: Device, stop: Event) -> None:
        self.device = device
        self.busy = False
        self.connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, device.visible, stop, dict(os.environ)))
        with _held_back():
            self._process.start()
        theirs.close()

    @property
    def ready(self) -> tuple[Connection, int]:
        """The handles that become readable once the process has answered or died."""
        return self.connection, self._process.sentinel

    def call(self, function: Callable[..., Any], *arguments: Any, environment: Mapping[str, str] | None = None) -> None:
        """Start a call in the process, with these environment variables. :meth:`answer` returns its result."""
        self.busy = True
        with suppress(OSError):  # if the process is dead, answer() raises Died
            self.connection.send((function, arguments, dict(environment or {})))

    def answer(self) -> Any:
        """The return value of the function.

        Raises:
            Died: the process died.
            Exception: the exception of the function, with the worker's traceback as a note.
        """
        try:
            if not self.connection.poll():  # the process has ended, but a child of it holds the connection
                raise Died
            raised, value = self.connection.recv()
        except (EOFError, ConnectionError) as error:
            raise Died from error
        self.busy = False
        if raised:
            raise value
        return value

    def end(self) -> None:
        """Wait for the current call, and let the process end."""
        self.connection.close()
        self._process.join()

    def kill(self) -> None:
        """End the process immediately."""
        self._process.kill()
        self._process.join()
        self.connection.close()


def asked_to_stop() -> bool:
    """In a worker: whether runs should stop after their current step."""
    return _stop.is_set()


@contextmanager
def _held_back() -> Iterator[None]:
    """Block SIGINT while worker processes start. Ctrl-C reaches the whole process group, and new workers inherit the
    block until they can ignore the signal themselves."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _serve(connection: Connection, visible: str | None, stop: Event, surroundings: Mapping[str, str]) -> None:
    global _stop
    _stop = stop
    os.environ.clear()  # this fork inherits the variables of a process that may have started with others
    os.environ.update(surroundings)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group, but only the parent handles it
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
    threading.Thread(target=_die_with_parent, daemon=True).start()
    if visible is not None:
        assert not torch.cuda.is_initialized(), "CUDA has started, and would use all GPUs"  # type: ignore[no-untyped-call]
        os.environ[VISIBLE] = visible
    while True:
        try:
            function, arguments, environment = connection.recv()
        except (EOFError, ConnectionError):  # the latter if the parent has not read an answer
            return
        before = dict(os.environ)
        os.environ.update(environment)
        try:
            answer: tuple[bool, Any] = False, function(*arguments)
        except Exception as error:
            error.add_note(traceback.format_exc())
            answer = True, error
        for name in environment:  # the next run may have no ranks
            os.environ.pop(name)
        os.environ.update({name: before[name] for name in environment if name in before})
        with suppress(OSError):  # the parent may be gone
            connection.send(answer)


def _die_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent
    parent.join()
    os._exit(1)
