"""The content of ``harness compare``: two objectives or two runs, side by side."""

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
    """The expected answer."""
    attempts: tuple[Attempt, ...]
    shares: tuple[float, ...]
    """The share of correct attempts of each side."""
    p: float
    """The p-value for no difference on this problem, corrected over all problems."""
    clear: bool
    """Whether the difference exceeds sampling noise, see :func:`evaluators.statistics.by_problem.beyond_noise`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Counted:
    """A problem with the numbers of correct samples and of all samples on each side, over all runs."""

    problem: str
    correct: tuple[int, int]
    samples: tuple[int, int]
    p: float
    """As in :class:`Example`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Changed:
    """The problems that the first side solves more often than the second, or less often."""

    kind: Literal["gained", "lost"]
    count: int
    """The number of such problems, whether or not noise explains them."""
    clear: int
    """The number of these on which the difference exceeds sampling noise."""
    examples: tuple[Example, ...]
    """Sorted by p-value, smallest first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SideBySide:
    """All of it; the first side against the second."""

    suite: str
    regime: str
    names: tuple[str, str]
    single: bool
    """Whether there is one run on each side, so that nothing follows for other seeds."""
    margin: float
    rows: tuple[ArmRow, ArmRow]
    runs: tuple[tuple[RunResult, ...], tuple[RunResult, ...]]
    """The runs of each row."""
    difference: Interval
    """A ``Difference`` if there are several seeds."""
    counted: tuple[Counted, ...]
    """All problems."""
    gained: Changed
    lost: Changed
    looked: bool
    """Whether seeds were added until a decision. The tests here do not allow for that."""

    @property
    def problems(self) -> int:
        return len(self.counted)

    @property
    def changed(self) -> tuple[Changed, Changed]:
        return self.gained, self.lost
