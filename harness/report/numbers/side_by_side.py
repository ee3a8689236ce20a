"""Two objectives, or two runs, side by side: what ``harness compare`` shows."""

from dataclasses import dataclass
from typing import Literal

from evaluators.types import Verdict
from harness.records.results import RunResult
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
    p: float
    """Of no difference on this problem, corrected over all problems."""
    clear: bool
    """The difference is more than the samples' noise: see :func:`evaluators.statistics.by_problem.beyond_noise`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Counted:
    """A problem: correct samples and samples of each side, over all their runs."""

    problem: str
    correct: tuple[int, int]
    samples: tuple[int, int]
    p: float
    """As of :class:`Example`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Changed:
    """The problems that the first side solves more often, or less."""

    kind: Literal["gained", "lost"]
    count: int
    """As the samples fell."""
    clear: int
    """Of these, how many changed by more than the samples' noise."""
    examples: tuple[Example, ...]
    """Those that noise explains least first."""


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
    runs: tuple[tuple[RunResult, ...], tuple[RunResult, ...]]
    """Behind the rows."""
    difference: Interval
    """A ``Difference`` where seeds say something."""
    counted: tuple[Counted, ...]
    """Every problem."""
    gained: Changed
    lost: Changed
    looked: bool
    """The seeds went on until it was decided, for which the tests here do not allow."""

    @property
    def problems(self) -> int:
        return len(self.counted)

    @property
    def changed(self) -> tuple[Changed, Changed]:
        return self.gained, self.lost
