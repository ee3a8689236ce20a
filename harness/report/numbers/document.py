"""The leaderboard of a suite as one document: what ``leaderboard.json`` holds, key by key."""

import json
from dataclasses import asdict, dataclass
from typing import Any, Literal

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
class Board:
    """All of it, a board a regime."""

    suite: str
    baseline: str
    margin: float
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

    @property
    def grader(self) -> str:
        """The one that judged all runs."""
        return grader_of(self.environments[0])

    @property
    def arms(self) -> tuple[tuple[RegimeBoard, ArmRow], ...]:
        """Every row, with the board that it stands in."""
        return tuple((part, row) for part in self.boards for row in part.arms)

    def as_json(self) -> str:
        """Without ``doubts`` where there are none, and without ``looks`` where the seeds were fixed."""
        content: dict[str, Any] = _without_looks(asdict(self))
        if not self.doubts:
            del content["doubts"]
        return json.dumps(content, indent=1, default=Budget.model_dump) + "\n"


def _without_looks(content: Any) -> Any:
    """The same without every ``looks`` that is None."""
    if isinstance(content, dict):
        return {key: _without_looks(value) for key, value in content.items() if key != "looks" or value is not None}
    return [_without_looks(value) for value in content] if isinstance(content, list | tuple) else content
