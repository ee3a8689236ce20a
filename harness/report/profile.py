"""Where the time of runs went: their traces side by side, a column an arm."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table
from rich.text import Text

from harness.config.run_config import RunConfig
from harness.errors import HarnessError
from harness.records.spans import TRACE, Profile, TraceEvent, merge, read_trace
from harness.report.pages.grid import Grid

ARITHMETIC = ("sampling", "reference", "old log-probabilities", "critic", "forward", "backward", "optimiser")
"""What the work itself is; all else in a step is overhead of the harness."""
HARNESS = ("grading", "training", "gradients", "sync", "journal", "step")
"""A step's other spans; of those that hold others, what these do not cover."""
BESIDE = ("evaluation", "checkpoint")
NAMES = {
    "training": "collating, loss, metrics",
    "step": "else",
    "gradients": "gradients, summed over ranks",
    "sync": "weights to the engine",
}
HEADERS = ("phase", "ms a step", "share")


@dataclass(frozen=True, kw_only=True, slots=True)
class Spent:
    """Means over the steps of an arm's runs, in seconds."""

    steps: int
    phases: Mapping[str, float]
    """Own time in a step, by span."""
    step: float
    beside: Mapping[str, float]
    """Time of a run outside its steps."""
    floor: float
    """What a step's model FLOPs take at the measured rate of matrix products."""
    rate: float
    """FLOP/s, the mean over the runs."""

    @property
    def overhead(self) -> float:
        """Share of a step that is neither model arithmetic nor sampling."""
        return 1 - sum(self.phases.get(name, 0.0) for name in ARITHMETIC) / self.step


def spent_of(traces: Sequence[Sequence[TraceEvent]]) -> Spent:
    """From the traces of runs that did the same. The first step of each warms up, and is left out if there are more.

    Raises:
        ValueError: no trace has a whole step.
    """
    phases: dict[str, float] = defaultdict(float)
    beside: dict[str, float] = defaultdict(float)
    steps, whole, floor, rates = 0, 0.0, 0.0, []
    for events in traces:
        head, turns = events[0]["args"], _turns(events[1:])
        for spans in turns[1:] or turns:
            for span in spans:
                phases[span["name"]] += span["args"]["own"] / 1e6
            whole += spans[-1]["dur"] / 1e6
        for span in events[1:]:
            if span["name"] in BESIDE:
                beside[span["name"]] += span["dur"] / 1e6
        counted = len(turns[1:] or turns)
        steps += counted
        floor += counted * head["flops"] / max(1, len(turns)) / head["rate"]
        rates.append(head["rate"])
    if not steps:
        raise ValueError("no trace has a whole step")
    return Spent(
        steps=steps,
        phases={name: seconds / steps for name, seconds in phases.items()},
        step=whole / steps,
        beside={name: seconds / len(traces) for name, seconds in beside.items()},
        floor=floor / steps,
        rate=sum(rates) / len(rates),
    )


def _turns(spans: Sequence[TraceEvent]) -> list[list[TraceEvent]]:
    """The spans of each whole step, itself the last of them: a span is written when it ends, those inside it before.

    A step that found the budget spent has trained on nothing, and does not count.
    """
    turns: list[list[TraceEvent]] = []
    since: list[TraceEvent] = []
    for span in spans:
        since.append(span)
        if span["name"] == "step":
            inside = [other for other in since if other["ts"] >= span["ts"]]
            if any(other["name"] == "sync" for other in inside):
                turns.append(inside)
            since = []
    return turns


def report(runs: Sequence[tuple[RunConfig, Path]], publishing: Profile, folder: Path) -> list[Table | Text]:
    """A table an arm; also written to ``folder`` as ``profile.md``, beside one trace of all runs and of ``publishing``.

    Raises:
        HarnessError: no run has been profiled.
    """
    traces: dict[str, list[list[TraceEvent]]] = defaultdict(list)
    for config, path in runs:
        if (path / TRACE).is_file():
            arm = config.objective.name + ("" if config.regime == "on_policy" else f" {config.regime}")
            traces[arm].append(read_trace(path / TRACE))
    if not traces:
        raise HarnessError("no run has left a trace: they had ended before; profile them from the start with --fresh")
    merge([*(trace for of_arm in traces.values() for trace in of_arm), publishing.events], folder / TRACE)
    found = {arm: spent_of(of_arm) for arm, of_arm in traces.items()}
    parts = [
        (f"{arm}: means over {spent.steps} steps", Grid(headers=HEADERS, rows=rows(spent)))
        for arm, spent in found.items()
    ]
    published = sum(event["dur"] for event in publishing.events) / 1e6
    said = f"MLflow, beside all runs: {published:.1f} s"
    lines = [line for title, grid in parts for line in (f"## {title}", "", *grid.markdown(), "")]
    (folder / "profile.md").write_text("\n".join(["# Where the time goes", "", *lines, said, ""]))
    return [*(grid.terminal(title) for title, grid in parts), Text(said)]


def rows(spent: Spent) -> list[list[str]]:
    """Phase, milliseconds a step, share of the step."""
    listed = [(NAMES.get(name, name), spent.phases.get(name, 0.0)) for name in ARITHMETIC + HARNESS]
    cells = [_row(name, seconds, spent.step) for name, seconds in listed if seconds > 0]
    cells += [
        _row("a step", spent.step, spent.step),
        _row("of which overhead of the harness", spent.overhead * spent.step, spent.step),
        _row(f"floor: model FLOPs at {spent.rate / 1e9:,.0f} GFLOP/s (MFU)", spent.floor, spent.step),
    ]
    cells += [[f"beside the steps: {name}, s a run", f"{seconds:.2f}", ""] for name, seconds in spent.beside.items()]
    return cells


def _row(name: str, seconds: float, step: float) -> list[str]:
    return [name, f"{1e3 * seconds:,.1f}", f"{seconds / step:.1%}"]
