"""The rounds of both sides as tables of time and of memory."""

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.against_trl.works import WARM_UP, Rounds, Work
from benchmarks.page import spread
from harness.report.pages.cells import NONE

Rows = tuple[Sequence[str], list[list[str]]]
"""Headers and rows of a table."""


def times(found: Sequence[tuple[Work, Rounds]]) -> Rows:
    """Headers, and one row per work: seconds, and their ratio."""
    headers = ("work", "harness, s per step", "TRL", "tokens per step", "ratio per token", "target", "% of matrix rate")
    return headers, [[work.name, *_time(work, rounds), _rate(rounds["harness"])] for work, rounds in found]


def memories(found: Sequence[tuple[Work, Rounds]]) -> Rows:
    """Headers, and one row per work: peak memory, and its ratio."""
    headers = ("work", "harness, peak GiB", "TRL", "ratio", "target")
    return headers, [[work.name, *_memory(work, rounds)] for work, rounds in found]


def _time(work: Work, rounds: Rounds) -> list[str]:
    sides = [rounds[side] for side in ("harness", "trl")]
    seconds = [_seconds([s for result in side for s in _counted(result["seconds"])]) for side in sides]
    each = [_a_token([a]) / _a_token([b]) for a, b in zip(*sides, strict=True)]
    ratio = _a_token(sides[0]) / _a_token(sides[1])
    shown = f" ({min(each):.2f}–{max(each):.2f})" if len(each) > 1 else ""
    return [*seconds, _tokens(rounds), f"{ratio:.2f}{shown}", _target(ratio, work.time_target)]


def _rate(results: Sequence[Mapping[str, Any]]) -> str:
    shares = [100 * share for result in results for share in _counted(result.get("rate", []))]
    return spread(shares, 0) if shares else NONE


def _a_token(side: Sequence[Mapping[str, Any]]) -> float:
    """Median over steps of the seconds per token."""
    steps = [pair for r in side for pair in zip(_counted(r["seconds"]), _counted(r["tokens"]), strict=True)]
    return statistics.median(seconds / tokens for seconds, tokens in steps)


def _tokens(rounds: Rounds) -> str:
    means = [statistics.mean(t for r in rounds[side] for t in _counted(r["tokens"])) for side in ("harness", "trl")]
    return f"{means[0]:,.0f} / {means[1]:,.0f}"


def _memory(work: Work, rounds: Rounds) -> list[str]:
    ours, theirs = ([result["peak"] / 2**30 for result in rounds[side]] for side in ("harness", "trl"))
    ratio = statistics.median(ours) / statistics.median(theirs)
    return [spread(ours), spread(theirs), f"{ratio:.2f}", _target(ratio, work.memory_target)]


def _counted(steps: list[Any]) -> list[Any]:
    return steps[WARM_UP:]


def _seconds(steps: list[float]) -> str:
    low, middle, high = statistics.quantiles(steps, n=4, method="inclusive")
    return f"{middle:.3f} ({low:.3f}–{high:.3f})"


def _target(ratio: float, target: float | None) -> str:
    if target is None:
        return NONE
    return f"≤ {target:g}: {'holds' if ratio <= target else 'missed'}"
