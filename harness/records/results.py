"""The results of runs, read from their journals for reports."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from evaluators.tasks.overlap import Overlap
from evaluators.types import Split
from harness.config.run_config import RunConfig
from harness.errors import HarnessError
from harness.records.engine_gap import unexplained
from harness.records.events import End, Evaluation, Event, Identity, OfflineSet, Origin, Resumed, Start, Step
from harness.records.ledger import Ledger
from harness.records.possible import check_possible

COSTS: tuple[str, ...] = (
    "completions",
    "sampled_completions",
    "sampled_tokens",
    "optimizer_steps",
    "trained_tokens",
    "scored_tokens",
    "reference_tokens",
    "critic_tokens",
    "flops",
    "seconds",
)
Status = Literal["finished", "failed", "unfinished"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    """An evaluation on the validation split."""

    spent: dict[str, float]
    """The budget spent so far, in every unit."""
    accuracy: float
    kl: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class RunResult:
    """The results of one run."""

    run_id: str
    """The id that was recorded at the start of the run. It is never computed again."""
    config: RunConfig
    status: Status
    reason: str
    """Why the run failed, or why a finished run is in doubt."""
    identity: Identity
    data: OfflineSet | None
    """The offline set that the run was trained on."""
    overlap: dict[str, Overlap]
    """The overlap of training problems with each held-out split."""
    origin: Origin
    later: tuple[dict[str, str], ...]
    """The versions of later resumes, if they differ."""
    start: Evaluation | None
    """The evaluation on the test split before the first update."""
    test: Evaluation | None
    """The evaluation on the test split after training; None if the run did not get there."""
    ratio_mean: float | None
    """The mean ratio pi / mu of policy to behaviour policy, for whole completions of the last tenth of the steps.

    Its expectation is 1. If it is far below, the policy has moved away from its training data. None if it was not
    measured."""
    rewarded: bool
    """Whether any completion that the run was trained on was rewarded."""
    spent: dict[str, float]
    shared_completions: int
    curve: list[Point]

    @property
    def grader(self) -> str:
        return self.origin.grader

    @property
    def commits(self) -> tuple[str, ...]:
        """The commits of all code that trained the run."""
        return tuple(versions.get("commit", "none") for versions in (self.origin.versions, *self.later))


def read_results(journals: Iterable[Sequence[Event]]) -> list[RunResult]:
    """The results of all journals that have at least one event, sorted by run id."""
    return sorted((_result(events) for events in journals if events), key=lambda run: run.run_id)


def by_problem(test: Evaluation) -> NDArray[np.float64]:
    """[problems] the share of correct samples, in the order of problem ids."""
    verdicts = test.summary.verdicts
    return np.array([verdicts[key].count("c") / len(verdicts[key]) for key in sorted(verdicts)])


def start_of(events: Sequence[Event]) -> Start:
    """The first event of a journal.

    Raises:
        HarnessError: the journal is empty, or its first event is not a start.
    """
    if not events or not isinstance(events[0], Start):
        raise HarnessError("a journal does not begin with the start of its run; start that run again with --fresh")
    return events[0]


def _result(events: Sequence[Event]) -> RunResult:
    start, last = start_of(events), events[-1]
    check_possible(start, events)
    evaluations = [event for event in events if isinstance(event, Evaluation)]
    steps = [event for event in events if isinstance(event, Step)]
    tests = [event for event in evaluations if event.split is Split.TEST]
    ledger = Ledger() if isinstance(last, Start) else last.ledger
    return RunResult(
        run_id=start.run_id,
        config=start.config,
        status=last.status if isinstance(last, End) else "unfinished",
        reason=(last.reason or _doubt(start, events)) if isinstance(last, End) else "",
        identity=start.identity,
        data=start.data,
        overlap=start.overlap,
        origin=start.origin,
        later=tuple(event.versions for event in events if isinstance(event, Resumed)),
        start=tests[0] if tests else None,
        test=tests[-1] if isinstance(last, End) and last.status == "finished" else None,
        ratio_mean=_late_ratio(steps),
        rewarded=any((event.metrics.get("train/reward_mean") or 0) > 0 for event in steps),
        spent=_spent(ledger),
        shared_completions=ledger.shared_completions,
        curve=[
            Point(spent=_spent(event.ledger), accuracy=event.summary.accuracy, kl=event.kl)
            for event in evaluations
            if event.split is Split.VALIDATION
        ],
    )


def _doubt(start: Start, events: Sequence[Event]) -> str:
    """The reason for which the current version would have stopped the run; empty if there is none."""
    found = (unexplained(start.config, event.metrics) for event in events if isinstance(event, Step))
    return next((why for why in found if why), "")


def _late_ratio(steps: Sequence[Step]) -> float | None:
    """The mean over the last tenth of the steps, at least one step. None if a value is missing or not finite."""
    late = [step.metrics.get("train/ratio_mean") for step in steps[-max(1, len(steps) // 10) :]]
    found = [ratio for ratio in late if ratio is not None]
    return fmean(found) if found and len(found) == len(late) else None


def _spent(ledger: Ledger) -> dict[str, float]:
    return {unit: float(getattr(ledger, unit)) for unit in COSTS}
