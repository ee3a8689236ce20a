"""The grader, which gives the reward in training and the accuracy in evaluation.

``extraction`` finds the answer, and ``comparison`` decides by the kind of the expected answer, within milliseconds for
any answer. Doubtful answers are never rewarded. If a problem has its own scorer, only that scorer decides about the
extracted answer, in a process that can be killed. ``docs/grading.md`` has the policies in a table.
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

GRADER_VERSION: str = "3"
"""The version, which is increased with every change that can change a verdict."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grade:
    """The grader's verdicts on one completion."""

    strict: Verdict
    """The verdict on the answer with its marker: ``#### x`` or the last ``\\boxed{x}``."""
    lenient: Verdict
    """The same, but in a text without a marker it is the verdict on the last number or formula."""
    extracted: str | None
    """The first 300 characters of the answer. A longer answer is ``WRONG``."""


class Grader:
    """Grades completions; a context manager. It is thread-safe, and items without a scorer never wait.

    The processes for scorers start with the first completion that needs one, within about a second. Their number is
    that of the cores, but at least two and at most four. Equal answers to one problem are scored once while they are
    cached.

    Args:
        inner_seconds: CPU seconds per answer after which the scorer is interrupted, with the verdict ``TIMEOUT``.
        kill_after: CPU seconds after which the process is killed, if an operation defers the interrupt.
        memory_bytes: address space of a process (on Linux). If it is exceeded, the verdict is ``ERROR``.
        remembered: the number of cached verdicts of scorers.
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

        ``marker``: the marker that the strict reading looks for; None for any.

        Raises:
            RuntimeError: a rubric's scorer cannot be loaded.
        """
        found = [extract(text, marker) for _, text in items]
        decided = [_decided(expected, one.answer) for (expected, _), one in zip(items, found, strict=True)]
        judged = self._judge([one for one in decided if not isinstance(one, Verdict)])
        verdicts = [one if isinstance(one, Verdict) else judged[one] for one in decided]
        return [_grade(extraction, verdict) for extraction, verdict in zip(found, verdicts, strict=True)]

    def close(self) -> None:
        """End the processes. A later :meth:`grade` starts new ones if it needs them."""
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
        """The verdict of each request."""
        judged = self._remembered(requests)
        if not (judged.keys() >= set(requests)):
            with self._lock:
                judged |= self._remembered(requests)  # another thread may have requested them meanwhile
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
    """The verdict, or the request to the processes."""
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
