"""The one grader: reward in training, accuracy in evaluation. Completed text in, verdict out.

``extraction`` finds the answer, ``comparison`` decides what needs no algebra, within microseconds, and
math-verify decides the rest in a process that can be killed. Doubt is never rewarded. Where the expected
answer is no plain number, equality is mathematical: an equal form that is not simplified is correct. Where a
problem brings its own scorer, that decides of the answer found, in the same process, and nothing else does.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from evaluators.grading.comparison import LONGEST_ANSWER, decide
from evaluators.grading.extraction import extract, without_price
from evaluators.grading.process import GradingProcess
from evaluators.grading.scorers import may_see
from evaluators.types import Rubric, Verdict

GRADER_VERSION: str = "2"
"""Raised with every change that can change a verdict. Verdicts also depend on the version of math-verify."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grade:
    """What the grader says of one completion."""

    strict: Verdict
    """The answer stands behind its marker: ``#### x`` or the last ``\\boxed{x}``."""
    lenient: Verdict
    """The same; in a text without marker, of the last number or formula."""
    extracted: str | None
    """The answer that was compared, its first 300 characters; an answer longer than that is ``WRONG``."""


class Grader:
    """Grades completions; a context manager. Safe to share between threads, which then take turns.

    The process for algebra and scorers starts with the first completion that needs it, in about a second.

    Args:
        inner_seconds: limit of each parse and comparison within that process, whole seconds.
        kill_after: seconds for one completion after which the process is killed and the verdict ``TIMEOUT``.
        memory_bytes: address space of the process (on Linux); more ends it, and the verdict is ``ERROR``.
    """

    def __init__(self, *, inner_seconds: int = 2, kill_after: float = 8.0, memory_bytes: int = 1 << 30) -> None:
        if inner_seconds < 1 or inner_seconds != int(inner_seconds):
            raise ValueError(f"inner_seconds must be whole and at least 1, not {inner_seconds}")
        self._inner_seconds = inner_seconds
        self._kill_after = kill_after
        self._memory_bytes = memory_bytes
        self._process: GradingProcess | None = None
        self._lock = threading.Lock()

    def grade(self, items: Sequence[tuple[str | Rubric, str]]) -> list[Grade]:
        """One grade for each ``(expected answer or rubric, completion)``, in order.

        Raises:
            RuntimeError: a rubric's scorer cannot be loaded.
        """
        return [self._grade(expected, text) for expected, text in items]

    def close(self) -> None:
        """End the process. A later :meth:`grade` starts another if it needs one."""
        with self._lock:
            if self._process is not None:
                self._process.close()
                self._process = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _grade(self, expected: str | Rubric, text: str) -> Grade:
        found = extract(text)
        if found.answer is None:
            return Grade(strict=Verdict.UNPARSED, lenient=Verdict.UNPARSED, extracted=None)
        verdict = self._judge(expected, found.answer)
        return Grade(
            strict=verdict if found.marked else Verdict.UNPARSED,
            lenient=verdict,
            extracted=found.answer[:LONGEST_ANSWER],
        )

    def _judge(self, expected: str | Rubric, answer: str) -> Verdict:
        if len(answer) > LONGEST_ANSWER:
            return Verdict.WRONG
        if isinstance(expected, Rubric):
            answer = without_price(answer)
            if not may_see(expected.scorer, answer):
                return Verdict.WRONG
            with self._lock:
                return self._running().score(expected, answer)
        return Verdict.CORRECT if decide(expected, answer) else Verdict.WRONG

    def _running(self) -> GradingProcess:
        if self._process is None or not self._process.alive:
            self._process = GradingProcess(
                inner_seconds=self._inner_seconds,
                kill_after=self._kill_after,
                memory_bytes=self._memory_bytes,
            )
        return self._process
