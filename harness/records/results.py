"""What a report needs of a run."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from harness.config.run_config import RunConfig
from harness.errors import HarnessError
from harness.records.journal import Record, spent_in

COSTS = (
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
    """Why it failed."""
    identity: str
    data: Record | None
    """The offline set it was trained on."""
    overlap: Record
    """What train and held-out problems share."""
    origin: Record
    """Invocation and versions."""
    start: Record | None
    """The evaluation on the test split before the first update."""
    test: Record | None
    """The evaluation on the test split after training; None if it did not get there."""
    spent: dict[str, float]
    shared_completions: int
    curve: list[Point]

    @property
    def commit(self) -> str:
        found: str = self.origin["versions"]["commit"]
        return found


def read_results(journals: Iterable[Sequence[Record]]) -> list[RunResult]:
    """One for each journal that has begun, in the order of run ids.

    Raises:
        HarnessError: one is of a version that recorded something else.
    """
    try:
        return sorted((_result(records) for records in journals if records), key=lambda run: run.run_id)
    except (KeyError, ValidationError) as error:
        raise HarnessError(
            "some of these runs were made by an older version of the harness; redo them with --fresh, or use another "
            "--out or store"
        ) from error


def by_problem(test: Record) -> NDArray[np.float64]:
    """[problems] share of correct samples, in the order of problem ids."""
    verdicts = test["verdicts"]
    return np.array([verdicts[key].count("c") / len(verdicts[key]) for key in sorted(verdicts)])


def _result(records: Sequence[Record]) -> RunResult:
    start, last = records[0], records[-1]
    config = RunConfig.model_validate(start["config"])
    ended = last["event"] == "end"
    evaluations = [record for record in records if record["event"] == "evaluation"]
    tests = [record for record in evaluations if record["split"] == "test"]
    finished = ended and last["status"] == "finished"
    counted = last if "spent" in last else None
    return RunResult(
        run_id=start["run_id"],
        config=config,
        status=last["status"] if ended else "unfinished",
        reason=last["reason"] if ended else "",
        identity=json.dumps(start["identity"], sort_keys=True),
        data=start["data"],
        overlap=start["overlap"],
        origin=start["origin"],
        start=tests[0] if tests else None,
        test=tests[-1] if finished else None,
        spent=_spent(counted) if counted else dict.fromkeys(COSTS, 0.0),
        shared_completions=counted["spent"]["shared_completions"] if counted else 0,
        curve=[
            Point(spent=_spent(record), accuracy=record["accuracy"], kl=record["kl"])
            for record in evaluations
            if record["split"] == "validation"
        ],
    )


def _spent(record: Record) -> dict[str, float]:
    return {unit: spent_in(record, unit) for unit in COSTS}
