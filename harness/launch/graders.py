"""Runs of an invocation that were judged by another grader than the current one."""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from harness.config.run_config import RunConfig
from harness.records.events import End
from harness.records.graders import grader_of
from harness.records.journal import Journal
from harness.records.provenance import versions
from harness.records.results import RunResult, start_of


def here() -> str:
    """The current grader."""
    return grader_of(versions())


def judged_otherwise(runs: Iterable[tuple[RunConfig, Path]]) -> Counter[str]:
    """The number of these runs that have ended under each other grader."""
    found: Counter[str] = Counter()
    for _, path in runs:
        events = Journal(path).read()
        if events and isinstance(events[-1], End):
            found[start_of(events).origin.grader] += 1
    del found[here()]
    return found


def told(others: Counter[str], total: int) -> str:
    """The sentence on runs that other graders judged. Empty if there are none, or if all runs are of this kind."""
    if not others or others.total() == total:
        return ""
    ended = " and ".join(f"{count} under grader {grader}" for grader, count in sorted(others.items()))
    return (
        f"of these {total} runs, {ended} have ended, but the current grader is {here()}, and runs of different graders "
        "cannot share a table; use --fresh to run all again"
    )


def of_one_grader(results: Sequence[RunResult]) -> list[RunResult]:
    """The runs of the current grader if there are any, otherwise all."""
    return [result for result in results if result.grader == here()] or list(results)
