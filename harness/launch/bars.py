"""Live progress, read from the journals: a bar for each running run, or log lines if there is no terminal.

A verbose console gets one line per step, even on a terminal.
"""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from harness.config.run_config import RunConfig
from harness.launch.standing import Watched
from harness.terminal import Terminal

A_SECOND = 4
"""The number of times per second that the bars are drawn."""


class Display:
    """The progress of an invocation's runs. :meth:`refresh` reads the new events of running runs.

    ``hours``: the relative durations of the runs. By default all are equal.
    """

    def __init__(
        self, console: Terminal, runs: Sequence[tuple[RunConfig, Path]], hours: Sequence[float] | None = None
    ) -> None:
        self._console = console
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=12),
            MofNCompleteColumn(),
            TextColumn("{task.fields[text]}"),
            TimeRemainingColumn(compact=True),
            console=console,
            disable=not console.is_terminal or console.level == "quiet",
            refresh_per_second=A_SECOND,
        )
        self._all = self._bars.add_task("all runs", total=len(runs), text="")
        names = labels_of([config for config, _ in runs])
        weights = hours or [1.0] * len(runs)
        self._runs = {
            config.run_id: Watched(f"{place}/{len(runs)} {name}", config, path, weight)
            for place, (name, (config, path), weight) in enumerate(zip(names, runs, weights, strict=True), 1)
        }
        self._tasks: dict[str, TaskID] = {}
        """The bars of running runs."""
        self._ended = 0
        self._whole = sum(weights)
        """The estimated hours of all runs."""
        self._done = 0.0
        """The part of these hours that is done."""
        self._began: tuple[float, float] | None = None
        """The time of the first refresh, and the hours that were done then."""

    def __enter__(self) -> "Display":
        self._bars.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.refresh()
        self._bars.stop()

    def refresh(self, running: Mapping[str, str] | None = None) -> None:
        """Show all changes. ``running``: the places of running runs, by run id. The first call reads all journals."""
        running = running or {}
        for key, where in running.items():
            if key not in self._tasks:
                self._begin(key, where)
        first = self._began is None
        for key in self._runs if first else list(self._tasks):
            self._read(key, running.get(key, ""))
        for key in [key for key in self._tasks if key not in running]:
            self._bars.remove_task(self._tasks.pop(key))
        if self._began is None:
            self._began = (time.monotonic(), self._done)
        self._bars.update(self._all, completed=self._ended, text=self._text(running))

    def _begin(self, key: str, where: str) -> None:
        run = self._runs[key]
        self._tasks[key] = self._bars.add_task(run.name, total=run.config.budget.total, text=where)
        self._console.detail(f"{run.name}: runs on {where}")
        run.begin()

    def _read(self, key: str, where: str) -> None:
        """Read the new events of a run."""
        run = self._runs[key]
        share, ended = run.share, run.standing.ended
        verbose = self._console.level == "verbose"
        lines = list(run.news(each_step=verbose))
        if not lines:
            return
        gone = (run.share - share) * run.hours
        self._done += gone
        if gone < 0 and self._began:  # the run started again, so its earlier work does not count
            self._began = (self._began[0], self._began[1] + gone)
        self._ended += run.standing.ended - ended
        if key in self._tasks:
            text = " · ".join(filter(None, (where, str(run.standing))))
            self._bars.update(self._tasks[key], completed=run.standing.spent, text=text)
        if verbose or not self._console.is_terminal:
            for line in filter(None, lines):
                self._console.say(f"{run.name}: {line}")

    def _text(self, running: Mapping[str, str]) -> str:
        """The numbers of running and waiting runs, and the remaining time."""
        begun = sum(not self._runs[key].standing.ended for key in running)
        waiting = len(self._runs) - self._ended - begun
        left = self.seconds_left()
        parts = ("ended", f"{begun} running" * bool(begun), f"{waiting} waiting" * bool(waiting))
        return " · ".join(filter(None, (*parts, f"{_told(left)} left" if left else "")))

    def seconds_left(self) -> float | None:
        """The remaining seconds of all runs, from the pace so far and the estimates. None at the start and at the
        end."""
        began, before = self._began or (0.0, self._done)
        if self._done <= before or self._ended == len(self._runs):
            return None
        together = (self._whole - self._done) * (time.monotonic() - began) / (self._done - before)
        return max([together, *(self._runs[key].seconds_left() for key in self._tasks)])


def _told(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 1:
        return "under a minute"
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def labels_of(runs: Sequence[RunConfig]) -> list[str]:
    """Names of runs: objective, regime and seed. If these are not unique, as in tuning, also the end of the run id."""
    regimes = ["" if run.regime == "on_policy" else f" {run.regime}" for run in runs]
    names = [f"{run.objective.name}{regime} seed {run.seed}" for run, regime in zip(runs, regimes, strict=True)]
    ids = [run.run_id.rpartition("-")[2] for run in runs]
    times = Counter(names)
    return [f"{name} {i}" if times[name] > 1 else name for name, i in zip(names, ids, strict=True)]
