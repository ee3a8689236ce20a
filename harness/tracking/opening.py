"""An MLflow store opened, and a suite's experiment in it, by one process at a time."""

from pathlib import Path

from mlflow import MlflowClient
from sqlalchemy.engine import make_url

from harness.records.locks import locked
from harness.tracking.homes import bring_home, home_of
from harness.tracking.reaching import refuse_deleted

KIND, TRAINING = "mlflow.experimentKind", "custom_model_development"
"""The tag by which MLflow's pages show training runs, and not traces of an application."""
INITIALISING = 60.0
"""Seconds that others may take to make a store's tables."""


def experiment_of(uri: str, name: str, root: Path) -> tuple[MlflowClient, str]:
    """The store's client, and its experiment ``name``, made if need be; a local store's artifacts go below ``root``."""
    uri = absolute(uri)
    if not uri.startswith("sqlite"):
        client = MlflowClient(tracking_uri=uri)
        return client, _find_or_make(client, name, None)
    with locked(beside(uri), patience=INITIALISING):  # a fresh store that two processes open at once crashes
        _make(uri)
        client = MlflowClient(tracking_uri=uri)
        home = home_of(root, name)
        experiment = _find_or_make(client, name, home.as_uri())
        bring_home(uri, experiment, home)
        return client, experiment


def absolute(uri: str) -> str:
    """``uri``, with the whole path of a SQLite store.

    MLflow keeps one pool of connections for each address. After a change of the working directory, a relative address
    would still mean the database in the old one.
    """
    if not uri.startswith("sqlite:"):
        return uri
    url = make_url(uri)
    return url.set(database=str(database(uri).absolute())).render_as_string(hide_password=False)


def beside(uri: str) -> Path:
    """Where the lock of a SQLite store lies: beside the database, whoever opens it from wherever."""
    path = database(uri)
    return path.with_name(f".{path.name}.opening")


def database(uri: str) -> Path:
    """The file of a SQLite store."""
    return Path(make_url(uri).database or "")


def _make(uri: str) -> None:
    """A fresh SQLite store, whole or not at all: MLflow cannot go on with tables of which some are made."""
    path = database(uri)
    if path.exists():
        return
    partial = path.with_name(f"{path.name}.partial")
    for old in (partial, partial.with_name(f"{partial.name}-journal")):
        old.unlink(missing_ok=True)
    MlflowClient(tracking_uri=f"sqlite:///{partial}").search_experiments()
    partial.replace(path)


def _find_or_make(client: MlflowClient, name: str, location: str | None) -> str:
    found = client.get_experiment_by_name(name)
    if found is None:
        return str(client.create_experiment(name, location, {KIND: TRAINING}))
    refuse_deleted(found)
    if KIND not in found.tags:  # made by an older version, or by hand
        client.set_experiment_tag(found.experiment_id, KIND, TRAINING)
    return str(found.experiment_id)
