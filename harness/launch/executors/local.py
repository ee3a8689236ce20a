"""Runs on this machine: processes side by side, each with its own threads. Workers only write journals."""

import multiprocessing
import os
import signal
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing.synchronize import Event
from typing import Any

from safetensors import SafetensorError

from harness.config.run_config import RunConfig
from harness.errors import NO_ROOM, HarnessError, explained
from harness.launch.executors.executor import Broken, Ended, RunRequest, Terms
from harness.launch.interrupts import Interrupts
from harness.training.first_look import Seen, look
from harness.training.loop import Outcome, train

WATCH_EVERY = 0.25
"""Seconds between two calls of ``watch``."""

ERROR = "error.txt"
"""In a run's directory: the traceback of an exception that ended it."""

_stop: Event


class LocalExecutor:
    """Processes of this machine, ``workers`` at a time."""

    def __init__(self, workers: int) -> None:
        # A waiting thread must not spin: on shared cores that costs a factor of ten.
        os.environ.setdefault("OMP_WAIT_POLICY", "passive")
        os.environ.setdefault("GOMP_SPINCOUNT", "1000")
        os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")  # its warnings would run through the bars
        context = multiprocessing.get_context("spawn")
        self._stop = context.Event()
        self._pool = ProcessPoolExecutor(
            workers, context, initializer=_start_worker, initargs=(self._stop, os.getpid())
        )

    def look(self, config: RunConfig, interrupts: Interrupts, watch: Callable[[], None]) -> Seen | None:
        """As :meth:`harness.launch.executors.executor.Executor.look`."""
        with _one_sentence():
            with _held_back():
                future = self._pool.submit(look, config)
            ended = list(self._ends([future], interrupts, watch))
            return None if interrupts.asked else ended[0].result()

    def run(
        self, requests: Sequence[RunRequest], terms: Terms, interrupts: Interrupts, watch: Callable[[], None]
    ) -> Iterator[Ended]:
        """As :meth:`harness.launch.executors.executor.Executor.run`."""
        with _one_sentence():
            with _held_back():
                of = {self._pool.submit(_work, request, terms): request for request in requests}
            for future in self._ends(list(of), interrupts, watch):
                yield of[future], future.result()

    def close(self) -> None:
        """As :meth:`harness.launch.executors.executor.Executor.close`."""
        self._stop.set()
        self._pool.shutdown(cancel_futures=True)

    def _ends(
        self, futures: Sequence[Future[Any]], interrupts: Interrupts, watch: Callable[[], None]
    ) -> Iterator[Future[Any]]:
        """Each one as it ends; after an interrupt those that have begun, alone."""
        pending = set(futures)
        while pending:
            done, pending = wait(pending, timeout=WATCH_EVERY, return_when=FIRST_COMPLETED)
            watch()
            if interrupts.asked and not self._stop.is_set():
                self._stop.set()
                for future in pending:
                    future.cancel()
            yield from (future for future in done if not future.cancelled())


@contextmanager
def _one_sentence() -> Iterator[None]:
    """What ends all runs, as one sentence."""
    try:
        yield
    except BrokenPipeError as error:  # the command line would end without a word
        raise HarnessError(f"the pipe to a worker process broke ({error}); the same command resumes") from error
    except BrokenProcessPool as error:
        raise HarnessError(
            "a worker process died (was it out of memory?); the same command resumes what was done"
        ) from error


@contextmanager
def _held_back() -> Iterator[None]:
    """Start worker processes here: Ctrl-C reaches the whole group, and they cannot ignore it before they have begun.

    They inherit that it is held back.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _start_worker(stop: Event, parent: int) -> None:
    global _stop
    _stop = stop
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
    threading.Thread(target=_die_with, args=(parent,), daemon=True).start()


def _die_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.2)
    os._exit(1)


def _work(request: RunRequest, terms: Terms) -> Outcome | Broken:
    if _stop.is_set():
        return "interrupted"
    config, directory = request.config, request.directory
    (directory / ERROR).unlink(missing_ok=True)
    try:
        return train(
            config,
            directory,
            terms.invocation,
            fresh=terms.fresh,
            profiled=terms.profiled,
            should_stop=_stop.is_set,
        )
    except HarnessError as error:
        return Broken(run_id=config.run_id, reason=str(error))
    except Exception as error:
        if isinstance(error, SafetensorError) or (isinstance(error, OSError) and error.errno in NO_ROOM):
            raise HarnessError(f"cannot write {directory}: {error}; make room, and the same command resumes") from error
        directory.mkdir(parents=True, exist_ok=True)
        (directory / ERROR).write_text(traceback.format_exc(), encoding="utf-8")
        return Broken(run_id=config.run_id, reason=f"{explained(error)} ({directory / ERROR})")
