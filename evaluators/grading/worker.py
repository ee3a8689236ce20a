"""The process that calls scorers. It may hang or die, which its starter handles.

It runs as a separate script, so it imports neither the main module of its parent nor other modules of ours. It forks a
child for each connection, and a new one if a child dies, which takes milliseconds.
A request is a list of texts in JSON: ``[scorer, entry, answer]``. The reply is a verdict, ``lost`` if the child was
ended from outside, or a sentence about a scorer that cannot be loaded.
Everything ends when the connections close.

Limits are on CPU time, so verdicts do not depend on the load of the machine.
"""

import json
import logging
import mmap
import os
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from multiprocessing.connection import Connection
from types import FrameType
from typing import Any

from sympy.core.cache import clear_cache  # which the scorers use
from sympy.core.random import seed

CLOSED, OUT_OF_MEMORY, LOST = 0, 1, 2
"""The exit codes of a child."""


class Late(BaseException):
    """Too much CPU time. Not an ``Exception``, because scorers catch those and call the answer wrong."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """Limits of CPU seconds of one request."""

    inner: float
    """The limit after which it is interrupted, unless a long operation defers that."""
    kill: float
    """The limit after which the kernel ends the process."""


def watch(connections: Sequence[Connection], limits: Limits) -> None:
    """Run a child for each connection until it closes. If a child dies, reply to its current request."""
    busy = mmap.mmap(-1, len(connections))  # shared with the children: a byte for each, 1 while it owes a reply
    children = {_fork(connections, place, busy, limits): place for place in range(len(connections))}
    connections[0].send_bytes(b"ready")
    while children:
        pid, status = os.wait()
        place = children.pop(pid)
        code = os.waitstatus_to_exitcode(status)
        if code == CLOSED:
            continue
        if busy[place]:
            busy[place] = 0
            try:
                connections[place].send_bytes({-signal.SIGPROF: b"timeout", OUT_OF_MEMORY: b"error"}.get(code, b"lost"))
            except OSError:  # nobody listens any more
                continue
        children[_fork(connections, place, busy, limits)] = place


def _fork(connections: Sequence[Connection], place: int, busy: mmap.mmap, limits: Limits) -> int:
    """Fork a child that serves one of the connections. Returns its process id."""
    pid = os.fork()
    if pid == 0:
        code = LOST
        try:
            for other, connection in enumerate(connections):
                if other != place:
                    connection.close()
            serve(connections[place], limits, lambda owing: busy.__setitem__(place, owing))
            code = CLOSED
        finally:
            os._exit(code)
    return pid


def serve(connection: Connection, limits: Limits, owe: Callable[[int], None]) -> None:
    """Answer requests until the connection closes. ``owe`` is called with 1 at a request and 0 at its reply."""
    signal.signal(signal.SIGVTALRM, _interrupt)
    while True:
        try:
            request = json.loads(connection.recv_bytes())
        except (EOFError, ConnectionError):
            return
        owe(1)
        reply = _reply(request, limits)
        owe(0)
        connection.send_bytes(reply.encode())


def _reply(request: Sequence[str], limits: Limits) -> str:
    if problem := load(request[0]):  # takes seconds, which must not be charged to an answer
        return problem
    clear_cache()  # earlier requests must not influence later ones
    seed(0)
    signal.setitimer(signal.ITIMER_PROF, limits.kill)
    signal.setitimer(signal.ITIMER_VIRTUAL, limits.inner)
    try:
        return score(*request)
    except Late:
        return "timeout"
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.setitimer(signal.ITIMER_PROF, 0)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise Late


def load(scorer: str) -> str:
    """Load the scorer. Returns an empty text, or the reason why this fails."""
    try:
        _scorer(scorer, "{}")
    except Exception as error:  # whatever an import raises
        return f"{type(error).__name__}: {error}"
    return ""


def score(scorer: str, entry: str, answer: str) -> str:
    """``correct`` for a full score, ``wrong`` for any other, or ``error``. The caller limits the time.

    Args:
        scorer: ``reasoning_gym:`` and a generator, whose own scorer is called.
        entry: JSON of the generator's ``entry`` and of its ``config``.
        answer: the answer for the scorer.
    """
    try:
        given = json.loads(entry)
        value = _scorer(scorer, json.dumps(given["config"], sort_keys=True))(answer, given["entry"])
        return "correct" if value == 1 else "wrong"
    except MemoryError:
        os._exit(OUT_OF_MEMORY)
    except Exception:  # whatever a scorer raises over a nonsensical answer
        return "error"


@lru_cache(maxsize=64)
def _scorer(name: str, config: str) -> Callable[[str, Any], float]:
    library, _, generator = name.partition(":")
    if library != "reasoning_gym":
        raise ValueError(f"no scorers are known of {library!r}, only of 'reasoning_gym'")
    import reasoning_gym

    made: Callable[[str, Any], float] = reasoning_gym.create_dataset(generator, **json.loads(config)).score_answer
    return made


def main(inner_seconds: str, kill_after: str, memory_bytes: str, *descriptors: str) -> None:
    """Set the limits of this process and of its children, then run the children."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    if sys.platform == "linux":
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (int(memory_bytes), int(memory_bytes)))
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # on many cores, its threads alone would need all that memory
    logging.disable(logging.CRITICAL)
    sys.stderr = open(os.devnull, "w")  # noqa: SIM115  scorers print there about every malformed answer
    connections = [Connection(int(descriptor)) for descriptor in descriptors]
    watch(connections, Limits(inner=float(inner_seconds), kill=float(kill_after)))


if __name__ == "__main__":
    main(*sys.argv[1:])
