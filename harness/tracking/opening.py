"""An MLflow store opened, and a suite's experiment in it, by one process at a time."""

from pathlib import Path

from mlflow import MlflowClient

from harness.records.locks import locked
from harness.tracking.reaching import refuse_deleted

KIND, TRAINING = "mlflow.experimentKind", "custom_model_development"
"""The tag by which MLflow's pages show training runs, and not traces of an application."""
INITIALISING = 60.0
"""Seconds that others may take to make a store's tables."""


def experiment_of(uri: str, name: str, root: Path) -> tuple[MlflowClient, str]:
    """The store's client, and its experiment ``name``, made if need be; a local store's artifacts go below ``root``."""
    if not uri.startswith("sqlite"):
        client = MlflowClient(tracking_uri=uri)
        return client, _find_or_make(client, name, None)
    with locked(beside(uri), patience=INITIALISING):  # a fresh store that two processes open at once crashes
        _make(uri)
        client = MlflowClient(tracking_uri=uri)
        return client, _find_or_make(client, name, (root / "mlflow-artifacts" / name).resolve().as_uri())


def beside(uri: str) -> Path:
    """Where the lock of a SQLite store lies: beside the database, whoever opens it from wherever."""
    database = _database(uri)
    return database.with_name(f".{database.name}.opening")


def _database(uri: str) -> Path:
    return Path(uri.partition("?")[0].removeprefix("sqlite:///"))


def _make(uri: str) -> None:
    """A fresh SQLite store, whole or not at all: MLflow cannot go on with tables of which some are made."""
    database = _database(uri)
    if database.exists():
        return
    partial = database.with_name(f"{database.name}.partial")
    for old in (partial, partial.with_name(f"{partial.name}-journal")):
        old.unlink(missing_ok=True)
    MlflowClient(tracking_uri=f"sqlite:///{partial}").search_experiments()
    partial.replace(database)


def _find_or_make(client: MlflowClient, name: str, location: str | None) -> str:
    found = client.get_experiment_by_name(name)
    if found is None:
        return str(client.create_experiment(name, location, {KIND: TRAINING}))
    refuse_deleted(found)
    return str(found.experiment_id)
