"""A small version of the embedded suite. A run takes seconds and uses the same code."""

from pathlib import Path
from typing import Any

from harness.config.arms import run_config
from harness.config.run_config import RunConfig
from harness.config.suites import load_suite
from harness.records.events import Invocation, PlannedRuns, encode, lasting
from harness.records.journal import Journal
from harness.training.loop import Outcome, train

SUITE = "tiny-arithmetic"
INVOCATION = Invocation(
    id="test",
    name="test",
    command="harness run --algos agro,grpo --seeds 0,",
    plan=PlannedRuns(algos=("agro", "grpo"), regimes=("on_policy",), seeds=(0,)),
)
Line = dict[str, Any]
"""One line of a journal, as a JSON object."""
SMALL: dict[str, Any] = {
    "task.options": {"count": 256},  # the suite has 8192, and to generate them takes longer than the training
    "rollout.prompts": 4,
    "rollout.group_size": 4,
    "rollout.max_tokens": 40,
    "budget": {"unit": "completions", "total": 100},
    "evaluation.shares": [0, 0.5, 1],
    "evaluation.validation_problems": 6,
    "evaluation.test_problems": 8,
}


def small_config(objective: str = "agro", seed: int = 0, suite: str = SUITE, **changes: Any) -> RunConfig:
    """A run of six steps with 16 completions each. In the keys of ``changes``, ``__`` stands for a dot."""
    dotted = {key.replace("__", "."): value for key, value in changes.items()}
    return run_config(load_suite(suite, list((SMALL | dotted).items())), objective, seed)


def run_small(config: RunConfig, directory: Path, **options: Any) -> Outcome:
    return train(config, directory, INVOCATION, **options)


def journal_of(directory: Path) -> list[Line]:
    """The lines of the journal, as JSON objects."""
    return [encode(event) for event in Journal(directory).read()]


def history(directory: Path) -> list[Line]:
    """Everything that must be equal in two executions of one config."""
    return [lasting(event) for event in Journal(directory).read()]


def steps(directory: Path) -> list[Line]:
    return [record for record in history(directory) if record["event"] == "step"]


def assert_same_run(one: Path, other: Path) -> None:
    """Metrics, verdicts per problem, tables per problem, and final weights."""
    assert history(one) == history(other)
    tables = sorted(path.name for path in (other / "evaluations").iterdir())
    assert tables == sorted(path.name for path in (one / "evaluations").iterdir())
    for name in ["evaluations/" + table for table in tables] + ["final/model.safetensors"]:
        assert (one / name).read_bytes() == (other / name).read_bytes(), name
