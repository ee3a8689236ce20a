"""Live progress, read from the journals: a bar a running run, or a line an evaluation where there is no terminal."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from harness.config.run_config import RunConfig
from harness.records.journal import Journal, Record, spent_in

RECENT = 10
"""Steps over which the shown reward is averaged."""


class Display:
    """Progress of an invocation's runs; :meth:`refresh` reads what their journals have got since."""

    def __init__(self, console: Console, runs: Sequence[tuple[RunConfig, Path]]) -> None:
        self._console = console
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=12),
            MofNCompleteColumn(),
            TextColumn("{task.fields[text]}"),
            TimeRemainingColumn(compact=True),
            console=console,
            disable=not console.is_terminal,
        )
        self._all = self._bars.add_task("all runs", total=len(runs), text="ended")
        self._runs = [
            (config, Journal(path), self._bars.add_task(name, total=config.budget.total, text="", visible=False))
            for name, (config, path) in zip(labels_of([config for config, _ in runs]), runs, strict=True)
        ]
        self._ended: set[TaskID] = set()
        self._sizes: dict[TaskID, int] = {}
        self._told: dict[TaskID, int] = {}

    def __enter__(self) -> "Display":
        self._bars.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.refresh()
        self._bars.stop()

    def refresh(self) -> None:
        """Show every journal that has changed."""
        for config, journal, task in self._runs:
            size = journal.path.stat().st_size if journal.path.is_file() else 0
            if size == self._sizes.get(task, 0):
                continue
            self._sizes[task] = size
            records = journal.read()
            if not records:
                continue
            last, budget = records[-1], config.budget
            ended = last["event"] == "end"
            spent = spent_in(last, budget.unit) if "spent" in last else 0.0
            self._bars.update(task, completed=spent, text=text_of(records), visible=not ended)  # those that run, alone
            (self._ended.add if ended else self._ended.discard)(task)
            self._bars.update(self._all, completed=len(self._ended))
            if not self._console.is_terminal:
                self._tell(config, task, records)

    def _tell(self, config: RunConfig, task: TaskID, records: list[Record]) -> None:
        milestones = [i for i, r in enumerate(records) if r["event"] in ("evaluation", "end")]
        for i in milestones[self._told.get(task, 0) :]:
            unit = config.budget.unit
            spent = f"{spent_in(records[i], unit):,.0f} {unit.replace('_', ' ')}"
            name = self._bars.tasks[task].description
            self._console.print(f"{name}: {spent} · {text_of(records[: i + 1])}", highlight=False)
        self._told[task] = len(milestones)


def labels_of(runs: Sequence[RunConfig]) -> list[str]:
    """Objective, regime and seed; where these stand for several runs, as in tuning, also the end of the run's id."""
    regimes = ["" if run.regime == "on_policy" else f" {run.regime}" for run in runs]
    names = [f"{run.objective.name}{regime} seed {run.seed}" for run, regime in zip(runs, regimes, strict=True)]
    ids = [run.run_id.rpartition("-")[2] for run in runs]
    times = Counter(names)
    return [f"{name} {i}" if times[name] > 1 else name for name, i in zip(names, ids, strict=True)]


def text_of(records: Sequence[Record]) -> str:
    """Step, reward of late, last accuracy, and how it ended."""
    steps = [r for r in records if r["event"] == "step"]
    parts = [f"step {len(steps)}"]
    if steps:
        rewards = [r["metrics"]["train/reward_mean"] for r in steps[-RECENT:]]
        parts.append(f"reward {sum(rewards) / len(rewards):.2f}")
    evaluations = [r for r in records if r["event"] == "evaluation"]
    if evaluations:
        parts.append(f"{evaluations[-1]['split']} {evaluations[-1]['accuracy']:.3f}")
    if records[-1]["event"] == "end":
        parts.append(records[-1]["status"])
    return " · ".join(parts)
