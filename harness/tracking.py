"""The journals published to MLflow: idempotent, in the background, and never in the way of a run.

One experiment a suite, a parent run an invocation, a child a run. A child's tags say which journal it shows, and how
many of its records have been published, so that publishing goes on wherever it ended.
"""

import logging
import os
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from harness.config import RunConfig
from harness.journal import Journal, Record, locked, parse, spent_in

os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")

from mlflow import MlflowClient  # behind the limits, which it reads on import
from mlflow.entities import Metric, Param, Run

for noisy in ("alembic", "mlflow", "sqlalchemy"):  # after the imports, which configure them
    logging.getLogger(noisy).setLevel(logging.CRITICAL)  # what fails is raised, and told once

RUN_ID, CREATED, PUBLISHED, INVOCATION = (
    f"harness.{name}" for name in ("run_id", "created", "published", "invocation")
)
BATCH = 900
"""MLflow takes at most 1000 metrics a call."""
JOURNAL = "journal.jsonl"
STATUS = {"finished": "FINISHED", "failed": "FAILED"}


class Publisher:
    """Publishes run directories of one suite to one MLflow store."""

    def __init__(self, uri: str, suite: str, root: Path) -> None:
        self._client = MlflowClient(tracking_uri=uri)
        self._parents: dict[str, str] = {}
        if uri.startswith("sqlite"):
            with locked(root / ".mlflow"):  # a fresh store that two processes initialise at once crashes
                self._experiment = self._find_experiment(suite, (root / "mlflow-artifacts" / suite).resolve().as_uri())
        else:
            self._experiment = self._find_experiment(suite, None)

    def publish(self, directory: Path, *, running: bool) -> None:
        """Bring the store up to the run's journal; ``running``: somebody is still writing it."""
        records = Journal(directory).read()
        if not records or records[0]["event"] != "start":
            return
        run = self._child(records[0])
        published = int(run.data.tags[PUBLISHED])
        status = _status(records, running=running)
        if published == len(records) and run.info.status == status:
            return
        if published == 0:  # whoever was cut off before may have made the run alone
            self._log_params(run.info.run_id, records[0])
        self._log_metrics(run.info.run_id, records[0], records[published:])
        if status != "RUNNING":
            self._client.log_artifact(run.info.run_id, str(directory / JOURNAL))
            if (directory / "evaluations").is_dir():
                self._client.log_artifacts(run.info.run_id, str(directory / "evaluations"), "evaluations")
        self._client.set_tag(run.info.run_id, PUBLISHED, str(len(records)))
        self._set_status(run, status)

    def settle_parents(self, runs: Iterable[tuple[Path, bool]]) -> None:
        """An invocation has ended when all of its runs have. Each run comes with whether it is running."""
        statuses: dict[str, set[str]] = defaultdict(set)
        for directory, running in runs:
            if records := Journal(directory).read():
                parent = self._parent(records[0]["origin"]["invocation"])
                statuses[parent].add(_status(records, running=running))
        for parent, found in statuses.items():
            worst = "RUNNING" if "RUNNING" in found else "KILLED" if "KILLED" in found else "FINISHED"
            self._set_status(self._client.get_run(parent), worst)

    def publish_tables(self, invocation: Record, files: Iterable[Path]) -> None:
        """Hang an invocation's tables on its parent run."""
        parent = self._parent(invocation)
        for file in files:
            self._client.log_artifact(parent, str(file))

    def journals(self) -> list[list[Record]]:
        """The journals of all runs in the store, in a fixed order: all that a leaderboard needs."""
        runs = self._client.search_runs([self._experiment], f"tags.`{RUN_ID}` LIKE '%'")
        found = {}
        for run in runs:
            with TemporaryDirectory() as folder:
                path = self._client.download_artifacts(run.info.run_id, JOURNAL, folder)
                found[run.data.tags[RUN_ID]] = parse(Path(path).read_bytes(), f"journal of {run.info.run_id}")
        return [found[key] for key in sorted(found)]

    def _find_experiment(self, name: str, location: str | None) -> str:
        found = self._client.get_experiment_by_name(name)
        return found.experiment_id if found else self._client.create_experiment(name, artifact_location=location)

    def _child(self, start: Record) -> Run:
        created = repr(start["clock"]["time"])
        for run in self._search(RUN_ID, start["run_id"]):
            if run.data.tags[CREATED] == created:
                return run
            self._client.delete_run(run.info.run_id)  # started over with --fresh
        config = RunConfig.model_validate(start["config"])
        return self._client.create_run(
            self._experiment,
            run_name=f"{config.objective.name} seed {config.seed} {config.regime}",
            start_time=int(start["clock"]["time"] * 1000),
            tags={
                RUN_ID: start["run_id"],
                CREATED: created,
                PUBLISHED: "0",
                "mlflow.parentRunId": self._parent(start["origin"]["invocation"]),
                "mlflow.source.git.commit": start["origin"]["versions"]["commit"],
            },
        )

    def _log_params(self, run_id: str, start: Record) -> None:
        config = RunConfig.model_validate(start["config"])
        params = {"algo": config.objective.name, "seed": config.seed, "regime": config.regime}
        params |= _flat(config.model_dump(mode="json", exclude={"seed", "regime"}))
        params |= _flat(start["origin"]["versions"], "version.")
        self._client.log_batch(run_id, params=[Param(key, str(value)[:6000]) for key, value in params.items()])

    def _parent(self, invocation: Record) -> str:
        key = invocation["id"]
        if key not in self._parents:
            found = self._search(INVOCATION, key)
            run = (
                found[0]
                if found
                else self._client.create_run(self._experiment, run_name=invocation["name"], tags={INVOCATION: key})
            )
            self._parents[key] = run.info.run_id
        return self._parents[key]

    def _search(self, tag: str, value: str) -> list[Run]:
        return list(self._client.search_runs([self._experiment], f"tags.`{tag}` = '{value}'"))

    def _set_status(self, run: Run, status: str) -> None:
        if status == run.info.status:
            return
        if status == "RUNNING":
            self._client.update_run(run.info.run_id, status)
        else:
            self._client.set_terminated(run.info.run_id, status)

    def _log_metrics(self, run_id: str, start: Record, records: list[Record]) -> None:
        config = RunConfig.model_validate(start["config"])
        metrics = [
            Metric(key, value, int(record["clock"]["time"] * 1000), _position(record, config))
            for record in records
            if "spent" in record
            for key, value in metrics_of(record, config.task.name).items()
            if value is not None
        ]
        for first in range(0, len(metrics), BATCH):
            self._client.log_batch(run_id, metrics=metrics[first : first + BATCH])


def _status(records: list[Record], *, running: bool) -> str:
    if records[-1]["event"] == "end":
        return STATUS[records[-1]["status"]]
    return "RUNNING" if running else "KILLED"


def metrics_of(record: Record, task: str) -> dict[str, float | None]:
    """A journal record's metrics (None: not finite), by the keys that all objectives share."""
    metrics: dict[str, float | None] = {f"budget/{unit}": float(amount) for unit, amount in record["spent"].items()}
    metrics |= {f"budget/{key}": float(value) for key, value in record["clock"].items() if key.startswith("seconds")}
    if record["event"] == "step":
        metrics |= record["metrics"]
    if record["event"] == "evaluation":
        room = "test" if record["split"] == "test" else "eval"
        numbers = {key: value for key, value in record.items() if isinstance(value, float)}
        metrics |= {f"{room}/{task}_acc": numbers.pop("accuracy")}
        metrics |= {f"{room}/{task}_{key}": value for key, value in numbers.items()}
    return metrics


def _position(record: Record, config: RunConfig) -> int:
    """MLflow's integer step: budget spent; in milliseconds for seconds, in 1e9 for FLOPs."""
    unit = config.budget.unit
    return int(spent_in(record, unit) * {"seconds": 1e3, "flops": 1e-9}.get(unit, 1))


def _flat(settings: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return flat
