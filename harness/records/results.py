"""What a report needs of a run."""

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
    """In every unit."""
    accuracy: float
    kl: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class RunResult:
    """One run, as its journal tells it."""

    run_id: str
    """As it was recorded when the run began; never computed again."""
    config: RunConfig
    status: Status
    reason: str
    """Why it failed; of a finished one, what puts it in doubt."""
    identity: Identity
    data: OfflineSet | None
    """The offline set it was trained on."""
    overlap: dict[str, Overlap]
    """What train and held-out problems share, by held-out split."""
    origin: Origin
    later: tuple[dict[str, str], ...]
    """Versions of what took the run up again, where they were others."""
    start: Evaluation | None
    """The evaluation on the test split before the first update."""
    test: Evaluation | None
    """The evaluation on the test split after training; None if it did not get there."""
    ratio_mean: float | None
    """Mean of pi / mu, policy over behaviour, over the completions of the last tenth of its steps, whole sequences.
    It is 1 in expectation; far below it the policy has left what it is trained on. None where it was not measured."""
    rewarded: bool
    """Whether any completion that it was trained on was."""
    spent: dict[str, float]
    shared_completions: int
    curve: list[Point]

    @property
    def grader(self) -> str:
        return self.origin.grader

    @property
    def commits(self) -> tuple[str, ...]:
        """Of all code that it ran by."""
        return tuple(versions["commit"] for versions in (self.origin.versions, *self.later))


def read_results(journals: Iterable[Sequence[Event]]) -> list[RunResult]:
    """One for each journal that has begun, in the order of run ids."""
    return sorted((_result(events) for events in journals if events), key=lambda run: run.run_id)


def by_problem(test: Evaluation) -> NDArray[np.float64]:
    """[problems] share of correct samples, in the order of problem ids."""
    verdicts = test.summary.verdicts
    return np.array([verdicts[key].count("c") / len(verdicts[key]) for key in sorted(verdicts)])


def start_of(events: Sequence[Event]) -> Start:
    """The first event of a journal.

    Raises:
        HarnessError: it is no start, or the journal is empty.
    """
    if not events or not isinstance(events[0], Start):
        raise HarnessError("a journal here does not begin with the start of its run; start that run over with --fresh")
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
        rewarded=any((event.metrics["train/reward_mean"] or 0) > 0 for event in steps),
        spent=_spent(ledger),
        shared_completions=ledger.shared_completions,
        curve=[
            Point(spent=_spent(event.ledger), accuracy=event.summary.accuracy, kl=event.kl)
            for event in evaluations
            if event.split is Split.VALIDATION
        ],
    )


def _doubt(start: Start, events: Sequence[Event]) -> str:
    """What today would have stopped the run."""
    found = (unexplained(start.config, event.metrics) for event in events if isinstance(event, Step))
    return next((why for why in found if why), "")


def _late_ratio(steps: Sequence[Step]) -> float | None:
    """Over the last tenth, at least one; None where one of them has none that is finite."""
    late = [step.metrics.get("train/ratio_mean") for step in steps[-max(1, len(steps) // 10) :]]
    found = [ratio for ratio in late if ratio is not None]
    return fmean(found) if found and len(found) == len(late) else None


def _spent(ledger: Ledger) -> dict[str, float]:
    return {unit: float(getattr(ledger, unit)) for unit in COSTS}
