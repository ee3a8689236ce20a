"""The leaderboard of a suite as one document: what ``leaderboard.json`` holds, key by key."""

import json
from dataclasses import asdict, dataclass
from typing import Any, Literal

from evaluators.statistics.families import Correction
from evaluators.tasks.overlap import Overlap
from harness.config.budget import Budget
from harness.records.events import Invocation, PlannedLooks
from harness.records.graders import grader_of
from harness.records.results import Status
from harness.report.numbers.interval import Difference, Interval

ArmStatus = Literal["ranked", "preliminary", "failed", "unfinished", "missing"]


@dataclass(frozen=True, kw_only=True, slots=True)
class CurvePoint:
    """A validation that all of an arm's runs have: means over seeds."""

    spent: dict[str, float]
    """In every unit."""
    accuracy: Interval
    kl: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Collapsed:
    """A run that fell apart: see :func:`evaluators.statistics.collapse.collapsed`."""

    seed: int
    start: float
    """Test accuracy before training, and after it."""
    accuracy: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Spread:
    """How far the test accuracies of an arm's runs lie apart."""

    lowest: float
    median: float
    highest: float
    deviation: float | None
    """Standard deviation over seeds; None for one."""
    elsewhere: Interval
    """The mean, with the interval for other seeds and other problems of the kind."""
    collapsed: tuple[Collapsed, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class ArmLooks:
    """How far an arm got whose seeds go on until it is decided."""

    taken: int
    """Looks that its runs and the baseline's are enough for."""
    verdict: Literal["better", "worse", "equivalent"] | None
    """None: it is not decided."""
    at: int | None
    """The look at which it was, from 1."""
    beyond: int
    """Finished runs that no look was taken of: in its means, and in no test."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Looked:
    """How a board was made whose seeds go on until it is decided."""

    plan: PlannedLooks
    compared: int
    """Comparisons with the baseline that are corrected together, those that are not shown included; not controls."""
    by_hand: int
    """Runs in the looks that another command began than one with this plan."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ArmRow:
    """What the runs of one arm reached and spent in one regime."""

    objective: str
    status: ArmStatus
    seeds: tuple[int, ...]
    """Of the runs in the numbers; the others follow."""
    failed: tuple[int, ...]
    unfinished: tuple[int, ...]
    missing: tuple[int, ...]
    """Planned, and never begun."""
    accuracy: Interval | None
    """For other seeds, on these problems."""
    spread: Spread | None
    start_accuracy: float | None
    mean_over_budget: Interval | None
    difference: Difference | None
    """To the baseline."""
    rank: tuple[int, int] | None
    """The best and the worst that it may have."""
    budget: dict[str, float]
    """What a run spent, in every unit; empty if none has finished."""
    unmatched: tuple[str, ...]
    """Units in which that is not what the baseline spends."""
    kl: float | None
    ratio_mean: float | None
    """Of pi / mu over what was trained on last, see :attr:`harness.records.results.RunResult.ratio_mean`."""
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
    """It was trained, and no completion of any of its runs was ever rewarded."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Agreement:
    """On how many seeds the A/A pair gave the same verdict on every test completion, as it must."""

    seeds: int
    same: int


@dataclass(frozen=True, kw_only=True, slots=True)
class RegimeBoard:
    """The table of one regime, best first; controls apart."""

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
        """All rows, controls last."""
        return self.rows + self.controls


@dataclass(frozen=True, kw_only=True, slots=True)
class MissingRun:
    """A run that was planned and never began."""

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
    """Its place among the document's ``invocations``; so of the environment."""
    environment: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Doubt:
    """A share of an arm's completions after training that is large enough to be told."""

    objective: str
    regime: str
    kind: Literal["no answer", "cut", "missed"]
    share: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Family:
    """Tests that are corrected together: at most one family in twenty claims anything that is not there."""

    of: Literal["verdicts", "controls", "ranks", "differences", "equivalence"]
    """What they are for; ``differences``: all but equivalence, of all regimes."""
    regime: str | None
    """None: of all regimes."""
    tests: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Board:
    """All of it, a board a regime."""

    suite: str
    baseline: str
    margin: float
    correction: Correction
    """Whether tests are corrected table by table, or over the document."""
    families: tuple[Family, ...]
    boards: tuple[RegimeBoard, ...]
    missing: tuple[MissingRun, ...]
    overlap: dict[str, Overlap]
    """By held-out split."""
    commits: tuple[str, ...]
    invocations: tuple[Invocation, ...]
    environments: tuple[dict[str, str], ...]
    runs: dict[str, RunLine]
    """By run id."""
    doubts: tuple[Doubt, ...] = ()
    limit: int | None = None
    """Of a quick look: so many problems were trained and tested on."""

    @property
    def grader(self) -> str:
        """The one that judged all runs."""
        return grader_of(self.environments[0])

    @property
    def arms(self) -> tuple[tuple[RegimeBoard, ArmRow], ...]:
        """Every row, with the board that it stands in."""
        return tuple((part, row) for part in self.boards for row in part.arms)

    def as_json(self) -> str:
        """Without ``doubts``, ``limit``, ``looks`` and ``unrewarded`` where there is nothing to tell by them."""
        content: dict[str, Any] = _told(asdict(self))
        if not self.doubts:
            del content["doubts"]
        if self.limit is None:
            del content["limit"]
        return json.dumps(content, indent=1, default=Budget.model_dump) + "\n"


def _told(content: Any) -> Any:
    """The same without every ``looks`` that is None and every ``unrewarded`` that is false."""
    if isinstance(content, dict):
        absent = {"looks": None, "unrewarded": False}
        return {key: _told(value) for key, value in content.items() if key not in absent or value is not absent[key]}
    return [_told(value) for value in content] if isinstance(content, list | tuple) else content
