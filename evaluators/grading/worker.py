"""The process that compares expressions by math-verify, or asks a scorer. It may hang or die; its starter copes.

Run as a script of its own, so that it imports neither its parent's main module nor anything of ours. Once the parser
is loaded it forks a child for each connection, and another wherever one dies, so that a new child takes milliseconds.
A request is a list of texts in JSON: ``[expected, answer]`` or ``[scorer, entry, answer]``. The reply is one word,
a verdict or ``lost`` where something from outside ended the child, or a sentence on a scorer that cannot be loaded.
Everything ends when the connections close.

Limits are of CPU time, so that no verdict depends on how busy the machine is.
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

from math_verify import LatexExtractionConfig, parse, verify
from math_verify.errors import TimeoutException
from sympy import Basic, N
from sympy.core.cache import clear_cache
from sympy.core.random import seed

LARGEST_RELATIVE_ERROR = 1e-4
"""math-verify compares numbers absolutely, and takes 1/2^98 for 1/2^99."""
CLOSED, OUT_OF_MEMORY, LOST = 0, 1, 2
"""Exit codes of a child."""


WARM_UP = (
    r"\frac{\pi}{2}",
    r"\left( 3, \frac{\pi}{2} \right)",
    r"[-2, 7) \cup (-\infty, 0]",
    r"\{1, \sqrt[3]{2}\}",
    r"x^2 - 3xy + 4\sqrt{2}",
    r"y = \frac{(a+5)(b+2)}{2x-1}",
    r"x \in [-2,7]",
    r"\begin{pmatrix} -1 & 0 \\ 0 & 1 \end{pmatrix}",
    r"1\frac{4}{5}",
    r"12\text{ inches}",
    r"5.4 \cdot 10^{3}\%",
)
"""One of each kind: the parser keeps what it learnt of each, and the first would be ten times as slow."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """CPU seconds of one request."""

    inner: float
    """After which it is interrupted, unless a long operation defers that."""
    kill: float
    """After which the kernel ends the process."""


def watch(connections: Sequence[Connection], limits: Limits) -> None:
    """A child for each connection until that closes; what a child was at when it died gets its reply from here."""
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
    """The id of a child that serves one of the connections."""
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
    """Answer requests until the connection closes. ``owe`` is told 1 with a request, 0 with its reply."""
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
    if len(request) == 3 and (problem := load(request[0])):  # takes seconds, which are no answer's fault
        return problem
    clear_cache()  # what was judged before must not show in what comes after
    seed(0)
    signal.setitimer(signal.ITIMER_PROF, limits.kill)
    signal.setitimer(signal.ITIMER_VIRTUAL, limits.inner)
    try:
        return (compare if len(request) == 2 else score)(*request)
    except TimeoutException:
        return "timeout"
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.setitimer(signal.ITIMER_PROF, 0)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise TimeoutException  # a BaseException: what catches all errors, as scorers do, must not catch this


def compare(expected: str, answer: str) -> str:
    """``correct``, ``wrong`` or ``error``. Out of memory ends the process; the caller limits the time."""
    try:
        gold, candidate = _parse(expected), _parse(answer)
        equal = verify(gold, candidate, timeout_seconds=None, raise_on_error=True)
        return "correct" if equal and _close(gold[0], candidate[0]) else "wrong"
    except MemoryError:
        os._exit(OUT_OF_MEMORY)
    except Exception:  # whatever sympy raises over a nonsensical expression
        return "error"


def load(scorer: str) -> str:
    """Empty, or in a few words why the scorer cannot be loaded."""
    try:
        _scorer(scorer, "{}")
    except Exception as error:  # whatever an import raises
        return f"{type(error).__name__}: {error}"
    return ""


def score(scorer: str, entry: str, answer: str) -> str:
    """``correct`` for a full score, ``wrong`` for any other, or ``error``; the caller limits the time.

    Args:
        scorer: ``reasoning_gym:`` and a generator, whose own scorer decides.
        entry: JSON of the generator's ``entry``, and of the ``config`` that it was made with.
        answer: what the scorer gets to see.
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


def _parse(latex: str) -> list[Any]:
    found = parse(f"${latex}$", [LatexExtractionConfig()], parsing_timeout=None, raise_on_error=True)
    return list(found)


def _close(gold: object, candidate: object) -> bool:
    """Whether two expressions, where both are numbers, are also close relative to their size."""
    candidate = getattr(candidate, "rhs", candidate)
    if not (isinstance(gold, Basic) and isinstance(candidate, Basic)):
        return True
    if not (gold.is_number and candidate.is_number):
        return True
    a, b = N(gold, 30), N(candidate, 30)
    return a == b or bool(abs(a - b) <= LARGEST_RELATIVE_ERROR * max(abs(a), abs(b)))


def main(inner_seconds: str, kill_after: str, memory_bytes: str, *descriptors: str) -> None:
    """Set the limits of this process and of its children, load the parser, then watch."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    if sys.platform == "linux":
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (int(memory_bytes), int(memory_bytes)))
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # on many cores, its threads alone would take all that memory
    logging.disable(logging.CRITICAL)
    sys.stderr = open(os.devnull, "w")  # noqa: SIM115  the parser complains there of every malformed answer
    for expression in WARM_UP:
        compare(expression, expression.replace("2", "3"))
    connections = [Connection(int(descriptor)) for descriptor in descriptors]
    watch(connections, Limits(inner=float(inner_seconds), kill=float(kill_after)))


if __name__ == "__main__":
    main(*sys.argv[1:])
