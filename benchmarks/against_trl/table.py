"""The rounds of both sides as one table."""

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from rich.box import MARKDOWN
from rich.table import Table

from benchmarks.against_trl.works import WARM_UP, Work

Rounds = dict[str, list[dict[str, Any]]]
"""For each side, one result per round: seconds and tokens of each step, and the peak memory."""


def table(found: Sequence[tuple[Work, Rounds]]) -> Table:
    """One row per work.

    The ratios are of seconds per token, because each side samples its own completions, whose lengths differ.
    """
    shown = Table(box=MARKDOWN)
    shown.add_column("work")
    time = ("harness, s per step", "TRL", "tokens per step", "ratio per token", "target")
    heads = (*time, "peak GiB", "ratio", "target")
    for head in heads:
        shown.add_column(head, justify="right")
    for work, rounds in found:
        shown.add_row(work.name, *_time(work, rounds), *_memory(work, rounds))
    return shown


def _time(work: Work, rounds: Rounds) -> list[str]:
    sides = [rounds[side] for side in ("harness", "trl")]
    seconds = [_seconds([s for result in side for s in _counted(result["seconds"])]) for side in sides]
    each = [_a_token([a]) / _a_token([b]) for a, b in zip(*sides, strict=True)]
    ratio = _a_token(sides[0]) / _a_token(sides[1])
    spread = f" ({min(each):.2f}–{max(each):.2f})" if len(each) > 1 else ""
    return [*seconds, _tokens(rounds), f"{ratio:.2f}{spread}", _target(ratio, work.time_target)]


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
    shown = f"{statistics.median(ours):.2f} / {statistics.median(theirs):.2f}"
    return [shown, f"{ratio:.2f}", _target(ratio, work.memory_target)]


def _counted(steps: list[Any]) -> list[Any]:
    return steps[WARM_UP:]


def _seconds(steps: list[float]) -> str:
    low, middle, high = statistics.quantiles(steps, n=4, method="inclusive")
    return f"{middle:.3f} ({low:.3f}–{high:.3f})"


def _target(ratio: float, target: float | None) -> str:
    if target is None:
        return "–"
    return f"≤ {target:g}: {'holds' if ratio <= target else 'missed'}"
