"""The one grader: reward in training, accuracy in evaluation. Completed text in, verdict out.

``extraction`` finds the answer, and ``comparison`` decides by the kind of the expected answer, within milliseconds
whatever the answer is. Doubt is never rewarded. Where a problem brings its own scorer, that decides of the answer
found, in a process that can be killed, and nothing else does. ``docs/grading.md`` has the policies in a table.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from evaluators.grading.comparison import LONGEST_ANSWER, decide
from evaluators.grading.extraction import Extraction, Marker, extract, without_price
from evaluators.grading.memory import Memory
from evaluators.grading.process import GradingProcess, Request
from evaluators.grading.scorers import may_see
from evaluators.types import Rubric, Verdict

GRADER_VERSION: str = "2"
"""Raised with every change that can change a verdict."""


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
    """Grades completions; a context manager. Safe to share between threads: what needs no scorer never waits.

    The processes for scorers start with the first completion that needs one, in about a second; there are as many as
    cores, two to four. Equal answers to one problem are scored once, as long as they are remembered.

    Args:
        inner_seconds: CPU seconds of one answer after which its scorer is interrupted, the verdict ``TIMEOUT``.
        kill_after: CPU seconds after which the process is killed, where an operation defers the interrupt.
        memory_bytes: address space of a process (on Linux); more ends it, and the verdict is ``ERROR``.
        remembered: verdicts of scorers.
    """

    def __init__(
        self,
        *,
        inner_seconds: float = 1.0,
        kill_after: float = 2.0,
        memory_bytes: int = 1 << 30,
        remembered: int = 10_000,
    ) -> None:
        for name, seconds in (("inner_seconds", inner_seconds), ("kill_after", kill_after)):
            if seconds <= 0:
                raise ValueError(f"{name} must be more than 0, not {seconds}")
        self._inner_seconds = inner_seconds
        self._kill_after = kill_after
        self._memory_bytes = memory_bytes
        self._memory = Memory(remembered)
        self._process: GradingProcess | None = None
        self._lock = threading.Lock()

    def grade(self, items: Sequence[tuple[str | Rubric, str]], *, marker: Marker | None = None) -> list[Grade]:
        """One grade for each ``(expected answer or rubric, completion)``, in order.

        ``marker``: what the strict reading looks for; None: any.

        Raises:
            RuntimeError: a rubric's scorer cannot be loaded.
        """
        found = [extract(text, marker) for _, text in items]
        decided = [_decided(expected, one.answer) for (expected, _), one in zip(items, found, strict=True)]
        judged = self._judge([one for one in decided if not isinstance(one, Verdict)])
        verdicts = [one if isinstance(one, Verdict) else judged[one] for one in decided]
        return [_grade(extraction, verdict) for extraction, verdict in zip(found, verdicts, strict=True)]

    def close(self) -> None:
        """End the processes. A later :meth:`grade` starts others if it needs them."""
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

    def _judge(self, requests: Sequence[Request]) -> dict[Request, Verdict]:
        """The verdict of each."""
        judged = self._remembered(requests)
        if not (judged.keys() >= set(requests)):
            with self._lock:
                judged |= self._remembered(requests)  # another thread may have asked meanwhile
                while lacking := [one for one in dict.fromkeys(requests) if one not in judged]:
                    for request, reply in self._running().judge(lacking).items():
                        judged[request] = reply.verdict
                        if reply.lasting:
                            self._memory.put(request, reply.verdict)
        return judged

    def _remembered(self, requests: Sequence[Request]) -> dict[Request, Verdict]:
        return {one: verdict for one in requests if (verdict := self._memory.get(one)) is not None}

    def _running(self) -> GradingProcess:
        if self._process is not None and not self._process.alive:
            self._process.close()
            self._process = None
        if self._process is None:
            self._process = GradingProcess(
                inner_seconds=self._inner_seconds,
                kill_after=self._kill_after,
                memory_bytes=self._memory_bytes,
            )
        return self._process


def _decided(expected: str | Rubric, answer: str | None) -> Verdict | Request:
    """The verdict, or what to ask the processes."""
    if answer is None:
        return Verdict.UNPARSED
    if len(answer) > LONGEST_ANSWER:
        return Verdict.WRONG
    if isinstance(expected, Rubric):
        answer = without_price(answer)
        seen = may_see(expected.scorer, answer)
        return (expected.scorer, expected.entry, answer) if seen else Verdict.WRONG
    return Verdict.CORRECT if decide(expected, answer) else Verdict.WRONG


def _grade(found: Extraction, verdict: Verdict) -> Grade:
    return Grade(
        strict=verdict if found.marked else Verdict.UNPARSED,
        lenient=verdict,
        extracted=None if found.answer is None else found.answer[:LONGEST_ANSWER],
    )
