"""How runs spent their time: a table of phases for each arm, from the traces of its runs."""

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
"""The spans of sampling and model arithmetic. Everything else in a step is overhead of the harness."""
HARNESS = ("grading", "training", "gradients", "sync", "journal", "step")
"""The other spans of a step. For a span that contains others, only its own time counts."""
BESIDE = ("evaluation", "checkpoint")
NAMES = {
    "training": "collating, loss, metrics",
    "step": "other",
    "gradients": "gradients, summed over ranks",
    "sync": "weights to the engine",
}
HEADERS = ("phase", "ms per step", "share")


@dataclass(frozen=True, kw_only=True, slots=True)
class Spent:
    """Means over the steps of an arm's runs, in seconds."""

    steps: int
    phases: Mapping[str, float]
    """The own time of each span, per step."""
    step: float
    beside: Mapping[str, float]
    """The time outside steps, per run."""
    floor: float
    """The time that the model FLOPs of a step would take at the measured rate of matrix products."""
    rate: float
    """FLOP/s, averaged over the runs."""

    @property
    def overhead(self) -> float:
        """The share of a step that is neither model arithmetic nor sampling."""
        return 1 - sum(self.phases.get(name, 0.0) for name in ARITHMETIC) / self.step


def spent_of(traces: Sequence[Sequence[TraceEvent]]) -> Spent:
    """Mean times of runs of one arm, from their traces.

    The first step of each run is a warm-up. It is left out if the run has more steps.

    Raises:
        ValueError: no trace has a complete step.
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
        raise ValueError("no trace has a complete step")
    return Spent(
        steps=steps,
        phases={name: seconds / steps for name, seconds in phases.items()},
        step=whole / steps,
        beside={name: seconds / len(traces) for name, seconds in beside.items()},
        floor=floor / steps,
        rate=sum(rates) / len(rates),
    )


def _turns(spans: Sequence[TraceEvent]) -> list[list[TraceEvent]]:
    """The spans of each complete step. The last one is the step itself, because a span is written when it ends.

    A step that finds the budget spent trains on nothing, so it does not count.
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
    """One table per arm. Writes them to ``profile.md`` in ``folder``, and one trace of all runs and ``publishing``.

    Raises:
        HarnessError: no run has been profiled.
    """
    traces: dict[str, list[list[TraceEvent]]] = defaultdict(list)
    for config, path in runs:
        if (path / TRACE).is_file():
            arm = config.objective.name + ("" if config.regime == "on_policy" else f" {config.regime}")
            traces[arm].append(read_trace(path / TRACE))
    if not traces:
        raise HarnessError("no run has a trace, because all of them had finished before; profile them with --fresh")
    merge([*(trace for of_arm in traces.values() for trace in of_arm), publishing.events], folder / TRACE)
    found = {arm: spent_of(of_arm) for arm, of_arm in traces.items()}
    parts = [
        (f"{arm}: means over {spent.steps} steps", Grid(headers=HEADERS, rows=rows(spent)))
        for arm, spent in found.items()
    ]
    published = sum(event["dur"] for event in publishing.events) / 1e6
    said = f"MLflow, in parallel with all runs: {published:.1f} s"
    lines = [line for title, grid in parts for line in (f"## {title}", "", *grid.markdown(), "")]
    (folder / "profile.md").write_text("\n".join(["# How the runs spent their time", "", *lines, said, ""]))
    return [*(grid.terminal(title) for title, grid in parts), Text(said)]


def rows(spent: Spent) -> list[list[str]]:
    """Rows of phase, milliseconds per step, and share of the step."""
    listed = [(NAMES.get(name, name), spent.phases.get(name, 0.0)) for name in ARITHMETIC + HARNESS]
    cells = [_row(name, seconds, spent.step) for name, seconds in listed if seconds > 0]
    cells += [
        _row("whole step", spent.step, spent.step),
        _row("overhead of the harness", spent.overhead * spent.step, spent.step),
        _row(f"lower bound: model FLOPs at {spent.rate / 1e9:,.0f} GFLOP/s (MFU)", spent.floor, spent.step),
    ]
    cells += [[f"outside steps: {name}, s per run", f"{seconds:.2f}", ""] for name, seconds in spent.beside.items()]
    return cells


def _row(name: str, seconds: float, step: float) -> list[str]:
    return [name, f"{1e3 * seconds:,.1f}", f"{seconds / step:.1%}"]
