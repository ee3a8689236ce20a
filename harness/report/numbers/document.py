"""The leaderboard of a suite as one document. The fields are the keys of ``leaderboard.json``."""

import json
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evaluators.statistics.families import Correction
from evaluators.statistics.saturation import Reason, saturating
from evaluators.tasks.overlap import Overlap
from harness.config.budget import Budget
from harness.records.events import Invocation, PlannedLooks
from harness.records.graders import grader_of
from harness.records.results import Status
from harness.report.numbers.interval import Difference, Interval

ArmStatus = Literal["ranked", "preliminary", "failed", "unfinished", "missing"]


@dataclass(frozen=True, kw_only=True, slots=True)
class CurvePoint:
    """The means over seeds of one validation that all runs of an arm have."""

    spent: dict[str, float]
    """The budget spent so far, in every unit."""
    accuracy: Interval
    kl: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Collapsed:
    """A run that collapsed, see :func:`evaluators.statistics.collapse.collapsed`."""

    seed: int
    start: float
    """Test accuracy before training."""
    accuracy: float
    """Test accuracy after training."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Spread:
    """How much the test accuracies of an arm's runs vary."""

    lowest: float
    median: float
    highest: float
    deviation: float | None
    """Standard deviation over seeds; None for one seed."""
    elsewhere: Interval
    """The mean, with an interval that allows for other seeds and other problems of the same kind."""
    collapsed: tuple[Collapsed, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class ArmLooks:
    """The state of an arm whose seeds are added until a decision."""

    taken: int
    """The number of looks for which the arm and the baseline have enough runs."""
    verdict: Literal["better", "worse", "equivalent"] | None
    """None if nothing is decided yet."""
    at: int | None
    """The look at which it was decided, from 1."""
    beyond: int
    """The number of finished runs beyond the last look. They count in the means, but in no test."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Looked:
    """The looks behind a board whose seeds are added until a decision."""

    plan: PlannedLooks
    compared: int
    """The number of comparisons with the baseline that are corrected together. It includes arms that are not shown, and
    excludes controls."""
    by_hand: int
    """The number of runs in the looks that a command without this plan started."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fit:
    """A saturating curve through an arm's mean validation accuracies, see :mod:`evaluators.statistics.saturation`."""

    refused: Reason | None
    """Why there is no such curve. Then the other fields are empty."""
    ceiling: Interval | None = None
    """The accuracy that the curve approaches."""
    steepness: Interval | None = None
    midpoint: Interval | None = None
    """The spending at which half of the gain is reached, in the unit of the budget."""
    midpoint_in: dict[str, float] = field(default_factory=dict)
    """The same in every unit."""
    higher: Interval | None = None
    """The difference of the ceiling to the baseline's."""
    faster: Interval | None = None
    """The baseline's midpoint, divided by this one."""

    def at(self, start: float, spent: ArrayLike) -> NDArray[np.float64]:
        """The accuracies of the curve from ``start``, at these positive amounts in the unit of the budget.

        Raises:
            ValueError: there is no curve.
        """
        if self.ceiling is None or self.midpoint is None or self.steepness is None:
            raise ValueError(f"there is no curve: {self.refused}")
        return saturating(spent, start, self.ceiling.mean, self.steepness.mean, self.midpoint.mean)


@dataclass(frozen=True, kw_only=True, slots=True)
class ArmRow:
    """The results and costs of the runs of one arm in one regime."""

    objective: str
    status: ArmStatus
    seeds: tuple[int, ...]
    """Seeds of the runs that count in the numbers. The next three fields hold the other seeds."""
    failed: tuple[int, ...]
    unfinished: tuple[int, ...]
    missing: tuple[int, ...]
    """Planned, but never started."""
    accuracy: Interval | None
    """The interval allows for other seeds on the same problems."""
    spread: Spread | None
    start_accuracy: float | None
    mean_over_budget: Interval | None
    difference: Difference | None
    """The difference to the baseline."""
    rank: tuple[int, int] | None
    """The best and the worst possible rank."""
    budget: dict[str, float]
    """Mean spending of a run, in every unit. Empty if no run has finished."""
    unmatched: tuple[str, ...]
    """Units in which the spending differs from the baseline's."""
    kl: float | None
    ratio_mean: float | None
    """The mean of pi / mu late in training, see :attr:`harness.records.results.RunResult.ratio_mean`."""
    completion_tokens: float | None
    truncated: float | None
    grader_timeouts: float | None
    audit_paid: float | None
    audit_missed: float | None
    start_audit_paid: float | None
    start_audit_missed: float | None
    run_ids: tuple[str, ...]
    curve: tuple[CurvePoint, ...]
    looks: ArmLooks | None = None
    unrewarded: bool = False
    """Whether the arm was trained, but no completion of its runs was ever rewarded."""
    fit: Fit | None = None
    """None if there are too few seeds or validations."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Agreement:
    """The result of the A/A test: the number of seeds, and on how many of them all test verdicts were the same."""

    seeds: int
    same: int


@dataclass(frozen=True, kw_only=True, slots=True)
class RegimeBoard:
    """The board of one regime, with the best arm first and the controls apart."""

    regime: str
    budget: Budget
    baseline: str | None
    rows: tuple[ArmRow, ...]
    controls: tuple[ArmRow, ...]
    same_as_agro: Agreement | None
    shared_completions: int
    ties: tuple[tuple[str, ...], ...]
    looks: Looked | None = None

    @property
    def arms(self) -> tuple[ArmRow, ...]:
        """All rows, with the controls last."""
        return self.rows + self.controls


@dataclass(frozen=True, kw_only=True, slots=True)
class MissingRun:
    """A run that was planned but never started."""

    objective: str
    regime: str
    seed: int


@dataclass(frozen=True, kw_only=True, slots=True)
class RunLine:
    """A run behind the numbers."""

    objective: str
    regime: str
    seed: int
    status: Status
    reason: str
    accuracy: float | None
    spent: dict[str, float]
    invocation: int
    """An index into the ``invocations`` of the document."""
    environment: int
    """An index into its ``environments``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Doubt:
    """A share of an arm's completions after training that is large enough for a warning."""

    objective: str
    regime: str
    kind: Literal["no answer", "cut", "missed"]
    share: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Family:
    """Tests that are corrected together. The probability of any false claim is at most 5 % per family."""

    of: Literal["verdicts", "controls", "ranks", "differences", "equivalence"]
    """The purpose of the tests. ``differences``: all tests except those for equivalence, in all regimes."""
    regime: str | None
    """None for all regimes."""
    tests: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Board:
    """The whole document, with one board per regime."""

    suite: str
    baseline: str
    margin: float
    correction: Correction
    """Whether tests are corrected per table or over the whole document."""
    families: tuple[Family, ...]
    boards: tuple[RegimeBoard, ...]
    missing: tuple[MissingRun, ...]
    overlap: dict[str, Overlap]
    """The overlap with the training problems, by held-out split."""
    commits: tuple[str, ...]
    invocations: tuple[Invocation, ...]
    environments: tuple[dict[str, str], ...]
    runs: dict[str, RunLine]
    """All runs that have started, by run id."""
    doubts: tuple[Doubt, ...] = ()
    limit: int | None = None
    """The number of problems in a quick look. None for full runs."""

    @property
    def grader(self) -> str:
        """The grader that judged all runs."""
        return grader_of(self.environments[0])

    @property
    def arms(self) -> tuple[tuple[RegimeBoard, ArmRow], ...]:
        """All rows, each with its board."""
        return tuple((part, row) for part in self.boards for row in part.arms)

    def as_json(self) -> str:
        """The JSON text, without ``doubts``, ``limit``, ``looks``, ``fit`` or ``unrewarded`` that are empty."""
        content: dict[str, Any] = _told(asdict(self))
        if not self.doubts:
            del content["doubts"]
        if self.limit is None:
            del content["limit"]
        return json.dumps(content, indent=1, default=Budget.model_dump) + "\n"


def _told(content: Any) -> Any:
    """The content without any ``looks`` or ``fit`` that is None or ``unrewarded`` that is false."""
    if isinstance(content, dict):
        absent = {"looks": None, "fit": None, "unrewarded": False}
        return {key: _told(value) for key, value in content.items() if key not in absent or value is not absent[key]}
    return [_told(value) for value in content] if isinstance(content, list | tuple) else content
