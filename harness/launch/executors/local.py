"""Where runs run: processes side by side, each with its own threads. Workers only write journals."""

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
from dataclasses import dataclass
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from harness.config.run_config import RunConfig
from harness.errors import NO_ROOM, HarnessError, one_line
from harness.records.events import Invocation
from harness.training.first_look import Seen, look
from harness.training.loop import Outcome, train

WATCH_EVERY = 0.25
"""Seconds between two calls of ``watch``."""

ERROR = "error.txt"
"""In a run's directory: the traceback of an exception that ended it."""

_stop: Event


@dataclass(frozen=True, kw_only=True, slots=True)
class Broken:
    """A run that an error of its own kept from its end."""

    run_id: str
    reason: str


@contextmanager
def _broken_pipes_told() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError as error:  # the command line would end without a word
        raise HarnessError(f"the pipe to a worker process broke ({error}); the same command resumes") from error


@_broken_pipes_told()
def run_all(
    runs: Sequence[tuple[RunConfig, Path]],
    invocation: Invocation,
    *,
    workers: int,
    fresh: bool,
    profiled: bool = False,
    look_first: Callable[[Seen], None] | None = None,
    watch: Callable[[], None],
) -> list[Outcome | Broken]:
    """Carry all runs to their end, ``workers`` at a time, calling ``watch`` meanwhile. What breaks one costs no other.

    ``look_first`` is told what the start policy does, before any run begins, and refuses it by an exception.

    Ctrl-C lets each worker finish its step; a second one ends them at once. Either way, what is on disk resumes.

    Raises:
        HarnessError: the first look fails, the disk is full, or a worker died; all runs are stopped first.
    """
    # A waiting thread must not spin: on shared cores that costs a factor of ten.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")  # its warnings would run through the bars
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    with ProcessPoolExecutor(workers, context, initializer=_start_worker, initargs=(stop, os.getpid())) as pool:
        try:
            if look_first and (seen := _looked(pool, runs[0][0], stop, watch)):
                look_first(seen)
            with _shielded(stop):
                futures = [pool.submit(_work, config, path, invocation, fresh, profiled) for config, path in runs]
            _wait(futures, stop, watch)
            return [future.result() for future in futures if not future.cancelled()]
        except BrokenProcessPool as error:
            raise HarnessError(
                "a worker process died (was it out of memory?); the same command resumes what was done"
            ) from error
        except BaseException:
            stop.set()
            pool.shutdown(cancel_futures=True)
            raise


@contextmanager
def _shielded(stop: Event) -> Iterator[None]:
    """Start worker processes here: Ctrl-C reaches the whole group, and they cannot ignore it before they have begun.

    They inherit that it is held back; here it comes through at the end, and sets ``stop``.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        try:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        except KeyboardInterrupt:
            stop.set()


def _looked(pool: ProcessPoolExecutor, run: RunConfig, stop: Event, watch: Callable[[], None]) -> Seen | None:
    """None if it was interrupted."""
    with _shielded(stop):
        future = pool.submit(_look, run)
    _wait([future], stop, watch)
    return None if stop.is_set() else future.result()


def _wait(futures: Sequence[Future[Any]], stop: Event, watch: Callable[[], None]) -> None:
    pending = set(futures)
    while pending:
        try:
            done, pending = wait(pending, timeout=WATCH_EVERY, return_when=FIRST_COMPLETED)
            watch()
        except KeyboardInterrupt:
            if stop.is_set():
                raise
            stop.set()
            for future in pending:
                future.cancel()
            continue
        for future in done:
            if not future.cancelled():
                future.result()


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


def _look(config: RunConfig) -> Seen:
    return look(config)


def _work(config: RunConfig, directory: Path, invocation: Invocation, fresh: bool, profiled: bool) -> Outcome | Broken:
    if _stop.is_set():
        return "interrupted"
    (directory / ERROR).unlink(missing_ok=True)
    try:
        return train(config, directory, invocation, fresh=fresh, profiled=profiled, should_stop=_stop.is_set)
    except HarnessError as error:
        return Broken(run_id=config.run_id, reason=str(error))
    except Exception as error:
        if isinstance(error, SafetensorError) or (isinstance(error, OSError) and error.errno in NO_ROOM):
            raise HarnessError(f"cannot write {directory}: {error}; make room, and the same command resumes") from error
        directory.mkdir(parents=True, exist_ok=True)
        (directory / ERROR).write_text(traceback.format_exc(), encoding="utf-8")
        said = one_line(error)[:200]
        return Broken(run_id=config.run_id, reason=f"{type(error).__name__}: {said} ({directory / ERROR})")
