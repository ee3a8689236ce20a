"""Runs of an invocation that another grader judged than the one that is here now."""

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
    """The grader that judges what runs now."""
    return grader_of(versions())


def judged_otherwise(runs: Iterable[tuple[RunConfig, Path]]) -> Counter[str]:
    """How many of them have ended under each other grader."""
    found: Counter[str] = Counter()
    for _, path in runs:
        events = Journal(path).read()
        if events and isinstance(events[-1], End):
            found[start_of(events).origin.grader] += 1
    del found[here()]
    return found


def told(others: Counter[str], total: int) -> str:
    """The sentence on runs that were judged otherwise; nothing where there are none, or no others."""
    if not others or others.total() == total:
        return ""
    ended = " and ".join(f"{count} under grader {grader}" for grader, count in sorted(others.items()))
    return (
        f"of these {total} runs {ended} have ended, and this is grader {here()}: they cannot stand in one table; "
        "--fresh runs all again"
    )


def of_one_grader(results: Sequence[RunResult]) -> list[RunResult]:
    """Those of the grader that is here, if there are any; or else all."""
    return [result for result in results if result.grader == here()] or list(results)
