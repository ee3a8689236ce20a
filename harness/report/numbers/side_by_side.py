"""Two objectives, or two runs, side by side: what ``harness compare`` shows."""

from dataclasses import dataclass
from typing import Literal

from evaluators.types import Verdict
from harness.report.numbers.document import ArmRow
from harness.report.numbers.interval import Interval


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    """A completion, with the verdict that counts in the suite."""

    text: str
    verdict: Verdict
    tokens: int
    truncated: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Example:
    """A problem that one side solves more often, with an attempt of each side."""

    problem: str
    question: str
    answer: str
    """What was expected."""
    attempts: tuple[Attempt, ...]
    shares: tuple[float, ...]
    """Of each side's attempts that are correct."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Changed:
    """The problems that the first side solves more often, or less."""

    kind: Literal["gained", "lost"]
    count: int
    examples: tuple[Example, ...]
    """Those with the largest change first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SideBySide:
    """All of it; the first side against the second."""

    suite: str
    regime: str
    names: tuple[str, str]
    single: bool
    """Two runs were named, so seeds say nothing."""
    margin: float
    rows: tuple[ArmRow, ArmRow]
    difference: Interval
    """A ``Difference`` where seeds say something."""
    problems: int
    gained: Changed
    lost: Changed
    looked: bool
    """The seeds went on until it was decided, for which the tests here do not allow."""

    @property
    def changed(self) -> tuple[Changed, Changed]:
        return self.gained, self.lost
