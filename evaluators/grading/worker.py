"""The process that compares expressions by math-verify, or asks a scorer. It may hang or die; its starter copes.

Run as a script of its own, so that it imports neither its parent's main module nor anything of ours. A
request is a list of texts in JSON: ``[expected, answer]`` or ``[scorer, entry, answer]``, the reply one word;
or ``[scorer]``, loaded without a limit, the reply ``ready`` or what is wrong. It ends when the connection closes.
"""

import json
import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from multiprocessing.connection import Connection
from types import FrameType
from typing import Any

from math_verify import LatexExtractionConfig, parse, verify
from math_verify.errors import TimeoutException
from sympy import Basic, N

LARGEST_RELATIVE_ERROR = 1e-4
"""math-verify compares numbers absolutely, and takes 1/2^98 for 1/2^99."""


def serve(connection: Connection, *, inner_seconds: int, cpu_seconds: float) -> None:
    """Answer requests until the connection closes.

    Args:
        inner_seconds: limit of each parse and each comparison, by an alarm that a long operation can defer.
        cpu_seconds: CPU time of one request after which the kernel ends this process, if nobody else does.
    """
    compare("1", "1", seconds=inner_seconds)  # loads the parser, so that no request pays for it
    connection.send_bytes(b"ready")
    while True:
        try:
            request = json.loads(connection.recv_bytes())
        except EOFError:
            return
        if len(request) == 1:
            connection.send_bytes(load(*request).encode())
            continue
        signal.setitimer(signal.ITIMER_PROF, cpu_seconds)
        verdict = (compare if len(request) == 2 else score)(*request, seconds=inner_seconds)
        signal.setitimer(signal.ITIMER_PROF, 0)
        connection.send_bytes(verdict.encode())


def compare(expected: str, answer: str, *, seconds: int) -> str:
    """``correct``, ``wrong``, ``timeout`` or ``error``. Out of memory ends the process."""
    try:
        gold, candidate = _parse(expected, seconds), _parse(answer, seconds)
        equal = verify(gold, candidate, timeout_seconds=seconds, raise_on_error=True)
        return "correct" if equal and _close(gold[0], candidate[0]) else "wrong"
    except TimeoutException:
        return "timeout"
    except MemoryError:
        os._exit(1)
    except Exception:  # whatever sympy raises over a nonsensical expression
        return "error"


def load(scorer: str) -> str:
    """``ready``, or in a few words why not."""
    try:
        _scorer(scorer, "{}")
    except Exception as error:  # whatever an import raises
        return f"{type(error).__name__}: {error}"
    return "ready"


def score(scorer: str, entry: str, answer: str, *, seconds: int) -> str:
    """``correct`` for a full score, ``wrong`` for any other, ``timeout`` or ``error``.

    Args:
        scorer: ``reasoning_gym:`` and a generator, whose own scorer decides.
        entry: JSON of the generator's ``entry``, and of the ``config`` that it was made with.
        answer: what the scorer gets to see.
        seconds: limit, by an alarm that a long operation can defer.
    """
    try:
        given = json.loads(entry)
        with _limit(seconds):
            value = _scorer(scorer, json.dumps(given["config"], sort_keys=True))(answer, given["entry"])
        return "correct" if value == 1 else "wrong"
    except _Late:
        return "timeout"
    except MemoryError:
        os._exit(1)
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


class _Late(BaseException):
    """No Exception: scorers catch those, and call the answer wrong."""


@contextmanager
def _limit(seconds: int) -> Iterator[None]:
    def late(number: int, frame: FrameType | None) -> None:
        raise _Late

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def _parse(latex: str, seconds: int) -> list[Any]:
    found = parse(f"${latex}$", [LatexExtractionConfig()], parsing_timeout=seconds, raise_on_error=True)
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


def main(descriptor: str, inner_seconds: str, cpu_seconds: str, memory_bytes: str) -> None:
    """Set the limits of this process, then serve."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    if sys.platform == "linux":
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (int(memory_bytes), int(memory_bytes)))
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # on many cores, its threads alone would take all that memory
    logging.disable(logging.CRITICAL)
    sys.stderr = open(os.devnull, "w")  # noqa: SIM115  the parser complains there of every malformed answer
    serve(Connection(int(descriptor)), inner_seconds=int(inner_seconds), cpu_seconds=float(cpu_seconds))


if __name__ == "__main__":
    main(*sys.argv[1:])
