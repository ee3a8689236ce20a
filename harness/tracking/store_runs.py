"""The runs of one experiment. Each is made only once, even if several processes publish at the same time."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import Run

from harness.config.run_config import RunConfig
from harness.records.events import Invocation, Start
from harness.records.locks import locked
from harness.tracking import ARM, CREATED, INVOCATION, LAYOUT, LAYOUT_NOW, MATCH, NOTE, PLACE, PUBLISHED, RUN_ID
from harness.tracking.opening import INITIALISING
from harness.tracking.view import description_of


def layout_tags(config: RunConfig) -> dict[str, str]:
    """The tags that the current layout adds to a run."""
    return {LAYOUT: LAYOUT_NOW, MATCH: config.match_key, ARM: config.arm_key}


class StoreRuns:
    """A parent run for each invocation, and a child run for each of our runs.

    ``place`` is the identity of the directory of our runs. ``making`` is the file that is locked while a run is made.
    """

    def __init__(self, client: MlflowClient, experiment: str, place: str, making: Path) -> None:
        self._client, self._experiment, self._place, self._making = client, experiment, place, making
        self._parents: dict[str, Run] = {}

    @contextmanager
    def alone(self) -> Iterator[None]:
        """A context in which no other process makes runs. Otherwise two could make the same run or data set."""
        with locked(self._making, patience=INITIALISING):
            yield

    def child(self, start: Start) -> Run:
        """MLflow's run for our run.

        If our run was started again, the MLflow run of its older start is deleted. If another directory has started the
        same run, that one has an MLflow run of its own.
        """
        found = self._find_child(start)
        if found:
            return found
        parent = self.parent(start.origin.invocation, start.time)
        with self.alone():
            return self._find_child(start) or self._make_child(start, parent.info.run_id)

    def parent(self, invocation: Invocation, began: float | None = None) -> Run:
        """MLflow's run for an invocation, as it was at the first call. A new one begins at ``began`` or now."""
        key = invocation.id
        if key not in self._parents:
            run = self._find_parent(key)
            if run is None:
                with self.alone():
                    run = self._find_parent(key) or self._make_parent(invocation, began)
            self._parents[key] = run
        return self._parents[key]

    def set_status(self, run: Run, status: str, at: float) -> None:
        """Set the status of a run. ``at`` is the time of the change, because runs may be published much later."""
        if status == run.info.status:
            return
        if status == "RUNNING":
            self._client.update_run(run.info.run_id, status)
        else:
            self._client.set_terminated(run.info.run_id, status, int(at * 1000))

    def are_all(self, match: str, arms: Sequence[str]) -> bool:
        """Whether all runs of the experiment with this match key belong to these arms."""
        others = "".join(f" AND tags.`{ARM}` != '{arm}'" for arm in arms)
        return not self._client.search_runs([self._experiment], f"tags.`{MATCH}` = '{match}'{others}", max_results=1)

    def place_of(self, run: Run) -> str:
        """The directory that first published the run. If an older version did not record it, this is ours."""
        return run.data.tags.get(PLACE, self._place)

    def is_elsewhere(self, run: Run) -> bool:
        """Whether another directory first published the run. Then this one has been copied or moved."""
        return self.place_of(run) != self._place

    def _find_child(self, start: Start) -> Run | None:
        created = repr(start.time)
        runs = self._search(RUN_ID, start.run_id)
        for run in runs:
            if run.data.tags[CREATED] == created:
                return run
        for run in runs:
            if run.data.tags.get(PLACE) == self._place:  # it was started again with --fresh
                self._client.delete_run(run.info.run_id)
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
                PLACE: self._place,
                PUBLISHED: "0",
                **layout_tags(config),
                "mlflow.parentRunId": parent,
                "mlflow.source.git.commit": start.origin.versions["commit"],
                NOTE: description_of(start),
            },
        )

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
