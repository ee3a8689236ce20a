"""Publishing journals to MLflow. It can be repeated without effect, and never delays a run.

A suite is an experiment, an invocation is a parent run, and a run is a child run. The tags of a child name its journal
and the number of published records, so that publishing can continue where it ended.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from mlflow.entities import Metric, Param, Run, RunTag
from mlflow.store.artifact.artifact_repo import ArtifactRepository
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

from evaluators.statistics.accuracy import read_records
from harness.config.run_config import RunConfig
from harness.records.events import Invocation, Start
from harness.records.journal import JOURNAL, Journal
from harness.records.out_dir import EVALUATIONS, OutDir, completions_of
from harness.tracking import LAYOUT, LAYOUT_NOW, NOTE, PLACE, PUBLISHED
from harness.tracking.answer import LEADERBOARD, answers_of, name_of, table
from harness.tracking.completions import LISTED, TABLE, TABLES, table_of
from harness.tracking.following import Seen
from harness.tracking.homes import local_path
from harness.tracking.opening import absolute, beside, experiment_of
from harness.tracking.saved_view import MOST_ASKED, TAG, id_of, place_of, tag_value
from harness.tracking.store_runs import StoreRuns, layout_tags
from harness.tracking.view import FINAL, datasets_of, metrics_of, params_of, position

BATCH = 900
"""The number of metrics per call. MLflow takes at most 1000."""
PARAMS = 100
"""The number of parameters per call. MLflow takes at most 100."""
MACHINE_EVERY = 5.0
"""Seconds between two measurements of the machine."""


class Writer:
    """Publishes run directories of one suite to one MLflow store."""

    def __init__(self, uri: str, suite: str, root: Path) -> None:
        self._uri = uri = absolute(uri)
        self._client, self._experiment = experiment_of(uri, suite, root)
        making = beside(uri) if uri.startswith("sqlite") else root / ".publishing"
        self._runs = StoreRuns(self._client, self._experiment, OutDir(root).identity(), making)
        self._seen: dict[Path, Seen] = {}

    @contextmanager
    def machine_metrics(self, invocation: Invocation) -> Iterator[None]:
        """A context that records the load of processors, memory, disk and network on the invocation's run."""
        parent = self._runs.parent(invocation).info.run_id
        monitor = SystemMetricsMonitor(
            parent, sampling_interval=MACHINE_EVERY, resume_logging=True, tracking_uri=self._uri
        )
        monitor.start()
        try:
            yield
        finally:
            monitor.finish()

    def publish(self, directory: Path, *, running: bool) -> None:
        """Publish the new part of the run's journal. ``running``: whether a process still writes it."""
        seen = self._look(directory)
        start = seen.start
        if start is None:
            return
        run = self._runs.child(start)
        current = run.data.tags.get(LAYOUT) == LAYOUT_NOW
        published = int(run.data.tags[PUBLISHED])
        shown = published if current else 0
        if shown < seen.count - len(seen.waiting):  # the store has lost published records
            del self._seen[directory]
            seen = self._look(directory)
        status = seen.status(running=running)
        behind = shown > seen.count and self._runs.is_elsewhere(run)  # a copy, whose original has gone on
        if behind or (shown >= seen.count and run.info.status == status and not self._left_behind(run)):
            seen.waiting.clear()
            return
        if published == 0:  # a process that was interrupted may have made only the run
            with self._runs.alone():
                self._introduce(run, directory, start)
        self._log_metrics(run, seen, start, shown)
        tags = {PLACE: self._runs.place_of(run), PUBLISHED: str(max(shown, seen.count))}
        if status != "RUNNING":
            self._put_files(run, directory)
            tags |= {TABLES: LISTED} if self._put_table(run, directory, seen) else {}
        if not current:
            tags |= layout_tags(start.config)
        self._client.log_batch(run.info.run_id, tags=[RunTag(key, value) for key, value in tags.items()])
        self._runs.set_status(run, status, seen.time)
        seen.waiting.clear()

    def settle_parents(self, runs: Iterable[tuple[Path, bool]]) -> None:
        """Set the status of invocations. One has ended when all of its runs have.

        ``runs``: directories, each with whether the run is running.
        """
        statuses: dict[str, list[tuple[str, float]]] = defaultdict(list)
        for directory, running in runs:
            seen = self._look(directory)
            if seen.start:
                parent = self._runs.parent(seen.start.origin.invocation).info.run_id
                statuses[parent].append((seen.status(running=running), seen.time))
        for parent, children in statuses.items():
            found = {status for status, _ in children}
            worst = "RUNNING" if "RUNNING" in found else "KILLED" if "KILLED" in found else "FINISHED"
            self._runs.set_status(self._client.get_run(parent), worst, max(time for _, time in children))

    def publish_tables(self, invocation: Invocation, files: Iterable[Path]) -> None:
        """Add the tables of an invocation to its parent run, and show their results there."""
        parent = self._client.get_run(self._runs.parent(invocation).info.run_id)
        for file in files:
            self._put(parent, file)
            if file.name == LEADERBOARD:
                self._show_answer(parent, invocation, file.read_text(encoding="utf-8"))

    def publish_views(self, runs: Iterable[Path]) -> list[str]:
        """Save a view for each set of comparable runs, and return the paths of the views on a server."""
        sets: dict[str, list[Start]] = defaultdict(list)
        for directory in runs:
            if start := self._look(directory).start:
                sets[id_of(start.config)].append(start)
        for view, starts in sets.items():
            configs = [start.config for start in starts]
            value = tag_value(configs, min(start.time for start in starts), complete=self._are_all(configs))
            self._client.set_experiment_tag(self._experiment, f"{TAG}{view}", value)
        return [place_of(self._experiment, view) for view in sets]

    def _are_all(self, configs: list[RunConfig]) -> bool:
        arms = sorted({config.arm_key for config in configs})
        return len(arms) <= MOST_ASKED and self._runs.are_all(configs[0].match_key, arms)

    def _look(self, directory: Path) -> Seen:
        """The run's journal as far as it exists now."""
        seen = self._seen.setdefault(directory, Seen(Journal(directory).path))
        seen.look()
        return seen

    def _left_behind(self, run: Run) -> bool:
        """Whether the artifacts are missing at MLflow's address, for example because only the store was moved."""
        place = local_path(run.info.artifact_uri)
        return place is not None and not (place / JOURNAL).is_file()

    def _introduce(self, run: Run, directory: Path, start: Start) -> None:
        """Publish parameters, data sets and the journal so far. From then on, a report can count the run."""
        params = [Param(key, value) for key, value in params_of(start).items()]
        for first in range(0, len(params), PARAMS):
            self._client.log_batch(run.info.run_id, params=params[first : first + PARAMS])
        self._client.log_inputs(run.info.run_id, datasets=datasets_of(start))
        self._put(run, directory / JOURNAL)

    def _put_files(self, run: Run, directory: Path) -> None:
        """Publish the files that a report reads."""
        self._put(run, directory / JOURNAL)
        if (directory / EVALUATIONS).is_dir():
            self._repository(run).log_artifacts(str(directory / EVALUATIONS), EVALUATIONS)

    def _put_table(self, run: Run, directory: Path, seen: Seen) -> bool:
        """Publish the completions of a finished run as a table for people. Returns whether there are any."""
        completions = directory / completions_of("test", seen.final.step) if seen.final else None
        if completions is None or not completions.is_file():
            return False
        with TemporaryDirectory() as folder:
            path = Path(folder) / TABLE
            path.write_text(table_of(read_records(completions)), encoding="utf-8")
            self._put(run, path)
        return True

    def _put(self, run: Run, file: Path) -> None:
        self._repository(run).log_artifact(str(file))

    def _repository(self, run: Run) -> ArtifactRepository:
        """The artifacts of a run. The client is not used, because it remembers the address before a store was moved."""
        return get_artifact_repository(run.info.artifact_uri, tracking_uri=self._uri)

    def _show_answer(self, parent: Run, invocation: Invocation, leaderboard: str) -> None:
        answers, at = answers_of(leaderboard), parent.info.end_time or parent.info.start_time
        metrics = [
            Metric(one.metric, one.accuracy, at, 0)
            for one in answers
            if parent.data.metrics.get(one.metric) != one.accuracy
        ]
        note = f"{table(answers)}\n\n    {invocation.command}"
        tags = [RunTag(NOTE, note)] if parent.data.tags.get(NOTE) != note else []
        if metrics or tags:
            self._client.log_batch(parent.info.run_id, metrics=metrics, tags=tags)
        if parent.info.run_name != (name := name_of(invocation.name, answers)):
            self._client.update_run(parent.info.run_id, name=name)

    def _log_metrics(self, run: Run, seen: Seen, start: Start, published: int) -> None:
        """Publish the metrics of the events after the first ``published``.

        A resumed run repeats steps that were published before it was killed. MLflow would show their points twice.
        """
        metrics = [
            Metric(key, value, int(event.time * 1000), 0 if key == FINAL else position(event, start.config))
            for event in seen.behind(published)
            if not isinstance(event, Start)
            for key, value in metrics_of(event, start.config.task.name, seen.final).items()
            if value is not None
        ]
        for first in range(0, len(metrics), BATCH):
            self._client.log_batch(run.info.run_id, metrics=metrics[first : first + BATCH])
