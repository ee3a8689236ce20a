"""The progress of a run, from its journal."""

import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from harness.config.budget import Unit
from harness.config.run_config import RunConfig
from harness.records.events import End, Evaluation, Event, Start, Step
from harness.records.journal import Follower, Journal

RECENT = 10
"""The displayed reward is averaged over this number of steps."""


class Standing:
    """The progress of a run, from the events of its journal so far."""

    def __init__(self) -> None:
        self.spent = 0.0
        self.ended = False
        self._steps = 0
        self._rewards: deque[float] = deque(maxlen=RECENT)
        self._evaluated = ""
        self._status = ""

    def take(self, event: Event, unit: Unit) -> None:
        """Update the progress with one event."""
        if isinstance(event, Start):
            return
        self.spent = event.ledger.spent(unit)
        if isinstance(event, Step):
            self._steps += 1
            self._rewards.append(event.metrics.get("train/reward_mean") or 0.0)
        elif isinstance(event, Evaluation) and _tells(event):
            self._evaluated = f"{event.split} {event.summary.accuracy:.3f}"
        elif isinstance(event, End):
            self.ended, self._status = True, event.status

    def __str__(self) -> str:
        """The step, the recent reward, the last accuracy, and the final status."""
        reward = f"reward {sum(self._rewards) / len(self._rewards):.2f}" if self._rewards else ""
        return " · ".join(part for part in (f"step {self._steps}", reward, self._evaluated, self._status) if part)


class Watched:
    """A run on the display. New events of its journal are read, and each line is printed once."""

    def __init__(self, name: str, config: RunConfig, directory: Path, hours: float) -> None:
        self.name, self.config, self.hours = name, config, hours
        self.standing = Standing()
        self._journal = Follower(Journal(directory).path)
        self._passed = 0
        self._told = 0
        """The numbers of milestones: all so far, and those that have been printed."""
        self._since: tuple[float, float] | None = None
        """The time at which the run started here, and its share then."""

    @property
    def share(self) -> float:
        """The share of the budget that is spent; 1 once the run has ended."""
        return 1.0 if self.standing.ended else min(1.0, self.standing.spent / self.config.budget.total)

    def begin(self) -> None:
        """Note that the run starts now."""
        self._since = (time.monotonic(), self.share)

    def seconds_left(self) -> float:
        """The remaining seconds at the pace of this run; 0 if that is unknown."""
        began, share = self._since or (0.0, 1.0)
        done = self.share - share  # negative if the run started again
        return (1 - self.share) * (time.monotonic() - began) / done if done > 0 else 0.0

    def news(self, *, each_step: bool = False) -> Iterator[str | None]:
        """For each new event its line, or None. Evaluations and the end have one; steps have one with ``each_step``."""
        told = (Evaluation, End, Step) if each_step else (Evaluation, End)
        news = self._journal.news()
        if news.anew:  # repeated steps are not printed again
            self.standing, self._passed = Standing(), 0
        for event in news.events:
            self.standing.take(event, self.config.budget.unit)
            yield self._line() if isinstance(event, told) and _tells(event) else None

    def _line(self) -> str | None:
        self._passed += 1
        if self._passed <= self._told:
            return None
        self._told = self._passed
        return f"{self.standing.spent:,.0f} {self.config.budget.unit.replace('_', ' ')} · {self.standing}"


def _tells(event: Event) -> bool:
    """False for an accuracy on a single problem. A trial of ``harness tune`` has one, because every run ends with a
    test."""
    return not isinstance(event, Evaluation) or len(event.summary.verdicts) > 1
