"""A run's journal while it grows: the events that are not published yet."""

from pathlib import Path

from evaluators.types import Split
from harness.records.events import End, Evaluation, Event, Resumed, Start, Step
from harness.records.journal import Follower

STATUS = {"finished": "FINISHED", "failed": "FAILED"}


class Seen:
    """The part of a run's journal that has been read, and its events that are not published yet."""

    def __init__(self, path: Path) -> None:
        self._journal = Follower(path)
        self.start: Start | None = None
        self.test: Evaluation | None = None
        """The last evaluation on the test split."""
        self.count = 0
        """The number of events in the journal, without its notes of resumes."""
        self.waiting: list[Start | Step | Evaluation | End] = []
        """The newest events, until they are published."""
        self._last: Event | None = None

    def look(self) -> None:
        """Read the new events of the journal."""
        news = self._journal.news()
        if news.anew:
            self.start, self.test, self.count, self._last = None, None, 0, None
            self.waiting.clear()
        for event in news.events:
            self.start = event if isinstance(event, Start) else self.start
            if isinstance(event, Evaluation) and event.split is Split.TEST:
                self.test = event
            self._last = event
            if not isinstance(event, Resumed):  # it has no metrics, and would shift the events that a resume repeats
                self.count += 1
                self.waiting.append(event)

    def behind(self, published: int) -> list[Start | Step | Evaluation | End]:
        """The waiting events after the first ``published`` events of the journal."""
        return self.waiting[max(0, published - (self.count - len(self.waiting))) :]

    def status(self, *, running: bool) -> str:
        """MLflow's name of the run's status."""
        if isinstance(self._last, End):
            return STATUS[self._last.status]
        return "RUNNING" if running else "KILLED"

    @property
    def final(self) -> Evaluation | None:
        """The test evaluation of a finished run. None for any other run."""
        return self.test if isinstance(self._last, End) and self._last.status == "finished" else None

    @property
    def time(self) -> float:
        """The time of the last event."""
        return self._last.time if self._last else 0.0
