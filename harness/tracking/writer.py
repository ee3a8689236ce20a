"""The journals published to MLflow: idempotent, in the background, and never in the way of a run.

One experiment a suite, a parent run an invocation, a child a run. A child's tags say which journal it shows, and how
many of its records have been published, so that publishing goes on wherever it ended.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlparse
from urllib.request import url2pathname

from mlflow.entities import Metric, Param, Run
from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

from harness.records.events import End, Event, Invocation, Start
from harness.records.journal import JOURNAL, Follower, Journal
from harness.records.locks import locked
from harness.records.out_dir import EVALUATIONS
from harness.tracking import CREATED, INVOCATION, NOTE, PUBLISHED, RUN_ID
from harness.tracking.opening import INITIALISING, absolute, beside, experiment_of
from harness.tracking.view import datasets_of, description_of, metrics_of, params_of, position

BATCH = 900
"""MLflow takes at most 1000 metrics a call."""
PARAMS = 100
"""And as many parameters."""
MACHINE_EVERY = 5.0
"""Seconds between two looks at the machine."""
STATUS = {"finished": "FINISHED", "failed": "FAILED"}


def _left_behind(run: Run) -> bool:
    """Whether its artifacts are no longer where MLflow knows them, as where a store was moved without them."""
    place = urlparse(run.info.artifact_uri)
    return place.scheme == "file" and not (Path(url2pathname(place.path)) / JOURNAL).is_file()


class Seen:
    """A run's journal as far as it was read, and which of its events wait to be published."""

    def __init__(self, path: Path) -> None:
        self._journal = Follower(path)
        self.start: Start | None = None
        self.count = 0
        """Events of the journal."""
        self.waiting: list[Event] = []
        """The newest of them, until they are published."""
        self._last: Event | None = None

    def look(self) -> None:
        """Read what the journal has got since."""
        news = self._journal.news()
        if news.anew:
            self.start, self.count, self._last = None, 0, None
            self.waiting.clear()
        for event in news.events:
            self.start = event if isinstance(event, Start) else self.start
            self.count += 1
            self.waiting.append(event)
            self._last = event

    def behind(self, published: int) -> list[Event]:
        """The waiting ones behind the first ``published`` events of the journal."""
        return self.waiting[max(0, published - (self.count - len(self.waiting))) :]

    def status(self, *, running: bool) -> str:
        """As MLflow calls it."""
        if isinstance(self._last, End):
            return STATUS[self._last.status]
        return "RUNNING" if running else "KILLED"

    @property
    def time(self) -> float:
        """Of the last event."""
        return self._last.time if self._last else 0.0


class Writer:
    """Publishes run directories of one suite to one MLflow store."""

    def __init__(self, uri: str, suite: str, root: Path) -> None:
        self._uri = uri = absolute(uri)
        self._client, self._experiment = experiment_of(uri, suite, root)
        self._making = beside(uri) if uri.startswith("sqlite") else root / ".publishing"
        """Locked while a run is made, so that two who publish at once do not both make it."""
        self._parents: dict[str, str] = {}
        self._seen: dict[Path, Seen] = {}

    @contextmanager
    def machine_metrics(self, invocation: Invocation) -> Iterator[None]:
        """Meanwhile, what the machine's processors, memory, disk and network do: on the invocation's run."""
        monitor = SystemMetricsMonitor(
            self.parent(invocation), sampling_interval=MACHINE_EVERY, resume_logging=True, tracking_uri=self._uri
        )
        monitor.start()
        try:
            yield
        finally:
            monitor.finish()

    def publish(self, directory: Path, *, running: bool) -> None:
        """Bring the store up to the run's journal; ``running``: somebody is still writing it."""
        seen = self._look(directory)
        start = seen.start
        if start is None:
            return
        run = self._child(start)
        published = int(run.data.tags[PUBLISHED])
        if published < seen.count - len(seen.waiting):  # the store has lost what was published
            del self._seen[directory]
            seen = self._look(directory)
        status = seen.status(running=running)
        if published == seen.count and run.info.status == status and not _left_behind(run):
            return
        if published == 0:  # whoever was cut off before may have made the run alone
            self._introduce(run.info.run_id, directory, start)
        self._log_metrics(run.info.run_id, start, seen.behind(published))
        if status != "RUNNING":
            self._client.log_artifact(run.info.run_id, str(directory / JOURNAL))
            if (directory / EVALUATIONS).is_dir():
                self._client.log_artifacts(run.info.run_id, str(directory / EVALUATIONS), EVALUATIONS)
        self._client.set_tag(run.info.run_id, PUBLISHED, str(seen.count))
        self._set_status(run, status, seen.time)
        seen.waiting.clear()

    def settle_parents(self, runs: Iterable[tuple[Path, bool]]) -> None:
        """An invocation has ended when all of its runs have. Each run comes with whether it is running."""
        statuses: dict[str, list[tuple[str, float]]] = defaultdict(list)
        for directory, running in runs:
            seen = self._look(directory)
            if seen.start:
                parent = self.parent(seen.start.origin.invocation)
                statuses[parent].append((seen.status(running=running), seen.time))
        for parent, children in statuses.items():
            found = {status for status, _ in children}
            worst = "RUNNING" if "RUNNING" in found else "KILLED" if "KILLED" in found else "FINISHED"
            self._set_status(self._client.get_run(parent), worst, max(time for _, time in children))

    def publish_tables(self, invocation: Invocation, files: Iterable[Path]) -> None:
        """Hang an invocation's tables on its parent run."""
        parent = self.parent(invocation)
        for file in files:
            self._client.log_artifact(parent, str(file))

    def _look(self, directory: Path) -> "Seen":
        """What is known of the run, with what its journal has got since."""
        seen = self._seen.setdefault(directory, Seen(Journal(directory).path))
        seen.look()
        return seen

    def _child(self, start: Start) -> Run:
        found = self._find_child(start)
        if found:
            return found
        parent = self.parent(start.origin.invocation, start.time)
        with locked(self._making, patience=INITIALISING):
            return self._find_child(start) or self._make_child(start, parent)

    def _find_child(self, start: Start) -> Run | None:
        created = repr(start.time)
        for run in self._search(RUN_ID, start.run_id):
            if run.data.tags[CREATED] == created:
                return run
            self._client.delete_run(run.info.run_id)  # started over with --fresh
        return None

    def _make_child(self, start: Start, parent: str) -> Run:
        config = start.config
        return self._client.create_run(
            self._experiment,
            run_name=f"{config.objective.name} seed {config.seed} {config.regime}",
            start_time=int(start.time * 1000),
            tags={
                RUN_ID: start.run_id,
                CREATED: repr(start.time),
                PUBLISHED: "0",
                "mlflow.parentRunId": parent,
                "mlflow.source.git.commit": start.origin.versions["commit"],
                NOTE: description_of(start),
            },
        )

    def _introduce(self, run_id: str, directory: Path, start: Start) -> None:
        """Parameters, datasets, and the journal as far as it goes: a report can count the run from now on."""
        params = [Param(key, value) for key, value in params_of(start).items()]
        for first in range(0, len(params), PARAMS):
            self._client.log_batch(run_id, params=params[first : first + PARAMS])
        self._client.log_inputs(run_id, datasets=datasets_of(start))
        self._client.log_artifact(run_id, str(directory / JOURNAL))

    def parent(self, invocation: Invocation, began: float | None = None) -> str:
        """MLflow's id of an invocation's run, made if need be: as of ``began``, or of now."""
        key = invocation.id
        if key not in self._parents:
            run = self._find_parent(key)
            if run is None:
                with locked(self._making, patience=INITIALISING):
                    run = self._find_parent(key) or self._make_parent(invocation, began)
            self._parents[key] = run.info.run_id
        return self._parents[key]

    def _find_parent(self, key: str) -> Run | None:
        return next(iter(self._search(INVOCATION, key)), None)

    def _make_parent(self, invocation: Invocation, began: float | None) -> Run:
        return self._client.create_run(
            self._experiment,
            run_name=invocation.name,
            start_time=int(began * 1000) if began else None,
            tags={INVOCATION: invocation.id, NOTE: f"    {invocation.command}"},
        )

    def _search(self, tag: str, value: str) -> list[Run]:
        return list(self._client.search_runs([self._experiment], f"tags.`{tag}` = '{value}'"))

    def _set_status(self, run: Run, status: str, at: float) -> None:
        """``at``: when that was, by the clock of the runs: they may be published much later."""
        if status == run.info.status:
            return
        if status == "RUNNING":
            self._client.update_run(run.info.run_id, status)
        else:
            self._client.set_terminated(run.info.run_id, status, int(at * 1000))

    def _log_metrics(self, run_id: str, start: Start, events: list[Event]) -> None:
        metrics = [
            Metric(key, value, int(event.time * 1000), position(event, start.config))
            for event in events
            if not isinstance(event, Start)
            for key, value in metrics_of(event, start.config.task.name).items()
            if value is not None
        ]
        for first in range(0, len(metrics), BATCH):
            self._client.log_batch(run_id, metrics=metrics[first : first + BATCH])
