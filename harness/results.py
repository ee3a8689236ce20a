"""What a table needs of a run that has ended."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from harness.config import RunConfig
from harness.journal import Record, spent_in

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


@dataclass(frozen=True, kw_only=True, slots=True)
class RunResult:
    """What a table needs of one run that has ended."""

    config: RunConfig
    failed: bool
    identity: str
    data: Record | None
    """The offline set it was trained on."""
    commit: str
    start_accuracy: float
    test: Record
    """The last evaluation on the test split."""
    spent: dict[str, float]
    shared_completions: int
    curve: list[tuple[float, float]]
    """Budget spent and validation accuracy."""


def read_result(records: Sequence[Record]) -> RunResult | None:
    """The result of a journal; None while the run has not ended."""
    if not records or records[-1]["event"] != "end":
        return None
    start, end = records[0], records[-1]
    config = RunConfig.model_validate(start["config"])
    tests = [r for r in records if r["event"] == "evaluation" and r["split"] == "test"]
    return RunResult(
        config=config,
        failed=end["status"] == "failed",
        identity=json.dumps(start["identity"], sort_keys=True),
        data=start["data"],
        commit=start["origin"]["versions"]["commit"],
        start_accuracy=tests[0]["accuracy"],
        test=tests[-1],
        spent={unit: spent_in(end, unit) for unit in COSTS},
        shared_completions=end["spent"]["shared_completions"],
        curve=[
            (spent_in(r, config.budget.unit), r["accuracy"])
            for r in records
            if r["event"] == "evaluation" and r["split"] == "validation"
        ],
    )
