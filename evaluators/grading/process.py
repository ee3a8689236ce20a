"""Comparison or scoring of an answer in a process of its own, that is killed when it takes too long."""

import json
import multiprocessing
import signal
import subprocess
import sys
from pathlib import Path

from evaluators.types import Rubric, Verdict

_WORKER = Path(__file__).with_name("worker.py")
_START_SECONDS = 120.0


class GradingProcess:
    """A running ``worker.py``. Not thread-safe. After a hang or crash it is dead; start another."""

    def __init__(self, *, inner_seconds: int, kill_after: float, memory_bytes: int) -> None:
        self._kill_after = kill_after
        self._scorers: set[str] = set()
        self._connection, theirs = multiprocessing.Pipe()
        # A plain subprocess works in daemonic processes and threads too and, unlike a multiprocessing child,
        # never runs the caller's main module again. -P: this folder's types.py must not hide the library's.
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-P", str(_WORKER), str(theirs.fileno())),
                *(str(inner_seconds), str(kill_after + inner_seconds), str(memory_bytes)),
            ],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,  # an interrupt from the keyboard is for the caller alone
        )
        theirs.close()
        try:
            ready = self._connection.poll(_START_SECONDS) and self._connection.recv_bytes() == b"ready"
        except EOFError:
            ready = False
        except BaseException:
            self.close()
            raise
        if not ready:
            self.close()
            raise RuntimeError(
                f"the grading process did not start (exit code {self._process.returncode}); "
                f"run `{sys.executable} -c 'import math_verify'` to see why"
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def compare(self, expected: str, answer: str) -> Verdict:
        """By math-verify. ``TIMEOUT`` or ``ERROR`` may leave the process dead."""
        return self._judge([expected, answer])

    def score(self, rubric: Rubric, answer: str) -> Verdict:
        """By the rubric's scorer: ``CORRECT`` for a full score. ``TIMEOUT`` or ``ERROR`` may leave the process dead.

        Args:
            rubric: as its problem has it.
            answer: one that :func:`evaluators.grading.scorers.may_see` lets through.

        Raises:
            RuntimeError: the scorer cannot be loaded.
        """
        if rubric.scorer not in self._scorers:
            self._load(rubric.scorer)
        return self._judge([rubric.scorer, rubric.entry, answer])

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        self._connection.close()

    def _load(self, scorer: str) -> None:
        """Takes seconds, which are no answer's fault."""
        try:
            self._connection.send_bytes(json.dumps([scorer]).encode())
            reply = self._connection.recv_bytes().decode() if self._connection.poll(_START_SECONDS) else "too slow"
        except (EOFError, OSError):
            reply = "the process ended"
        except BaseException:
            self.close()
            raise
        if reply != "ready":
            self.close()
            raise RuntimeError(f"the scorer {scorer} cannot be loaded ({reply}); see that its package is installed")
        self._scorers.add(scorer)

    def _judge(self, request: list[str]) -> Verdict:
        try:
            self._connection.send_bytes(json.dumps(request).encode())
            if self._connection.poll(self._kill_after):
                return Verdict(self._connection.recv_bytes().decode())
        except (EOFError, OSError):
            self.close()
            killed_itself = self._process.returncode == -signal.SIGPROF
            return Verdict.TIMEOUT if killed_itself else Verdict.ERROR
        except BaseException:  # an interrupt: a late reply must not be taken for the next request's
            self.close()
            raise
        self.close()
        return Verdict.TIMEOUT
