"""Live progress, read from the journals: a bar a running run, or a line an evaluation where there is no terminal."""

from collections import Counter, deque
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from harness.config.budget import Unit
from harness.config.run_config import RunConfig
from harness.records.events import End, Evaluation, Event, Start, Step
from harness.records.journal import Follower, Journal

RECENT = 10
"""Steps over which the shown reward is averaged."""


class Standing:
    """Where a run stands, by the events of its journal so far."""

    def __init__(self) -> None:
        self.spent = 0.0
        self.ended = False
        self._steps = 0
        self._rewards: deque[float] = deque(maxlen=RECENT)
        self._evaluated = ""
        self._status = ""

    def take(self, event: Event, unit: Unit) -> None:
        """Go on by one event."""
        if isinstance(event, Start):
            return
        self.spent = event.ledger.spent(unit)
        if isinstance(event, Step):
            self._steps += 1
            self._rewards.append(event.metrics["train/reward_mean"] or 0.0)
        elif isinstance(event, Evaluation):
            self._evaluated = f"{event.split} {event.summary.accuracy:.3f}"
        elif isinstance(event, End):
            self.ended, self._status = True, event.status

    def __str__(self) -> str:
        """Step, reward of late, last accuracy, and how it ended."""
        reward = f"reward {sum(self._rewards) / len(self._rewards):.2f}" if self._rewards else ""
        return " · ".join(part for part in (f"step {self._steps}", reward, self._evaluated, self._status) if part)


class Watched:
    """A run on the display: what its journal has got since is read, and no line twice."""

    def __init__(self, config: RunConfig, directory: Path, task: TaskID) -> None:
        self.config, self.task = config, task
        self.standing = Standing()
        self._journal = Follower(Journal(directory).path)
        self._passed = 0
        self._told = 0
        """Milestones: those of the standing, and those that have been told."""

    def news(self) -> Iterator[str | None]:
        """For each new event the line that tells of it, if it is an evaluation or the end."""
        news = self._journal.news()
        if news.anew:  # what is trained again is not told again
            self.standing, self._passed = Standing(), 0
        for event in news.events:
            self.standing.take(event, self.config.budget.unit)
            yield self._line() if isinstance(event, Evaluation | End) else None

    def _line(self) -> str | None:
        self._passed += 1
        if self._passed <= self._told:
            return None
        self._told = self._passed
        return f"{self.standing.spent:,.0f} {self.config.budget.unit.replace('_', ' ')} · {self.standing}"


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
            Watched(config, path, self._bars.add_task(name, total=config.budget.total, text="", visible=False))
            for name, (config, path) in zip(labels_of([config for config, _ in runs]), runs, strict=True)
        ]

    def __enter__(self) -> "Display":
        self._bars.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.refresh()
        self._bars.stop()

    def refresh(self) -> None:
        """Show every journal that has changed."""
        for run in self._runs:
            lines = list(run.news())
            if not lines:
                continue
            standing, name = run.standing, self._bars.tasks[run.task].description
            self._bars.update(
                run.task, completed=standing.spent, text=str(standing), visible=not standing.ended
            )  # those that run, alone
            if not self._console.is_terminal:
                for line in filter(None, lines):
                    self._console.print(f"{name}: {line}", highlight=False)
        self._bars.update(self._all, completed=sum(run.standing.ended for run in self._runs))


def labels_of(runs: Sequence[RunConfig]) -> list[str]:
    """Objective, regime and seed; where these stand for several runs, as in tuning, also the end of the run's id."""
    regimes = ["" if run.regime == "on_policy" else f" {run.regime}" for run in runs]
    names = [f"{run.objective.name}{regime} seed {run.seed}" for run, regime in zip(runs, regimes, strict=True)]
    ids = [run.run_id.rpartition("-")[2] for run in runs]
    times = Counter(names)
    return [f"{name} {i}" if times[name] > 1 else name for name, i in zip(names, ids, strict=True)]
