"""Opening an MLflow store and the experiment of a suite, in one process at a time."""

from pathlib import Path

from mlflow import MlflowClient
from sqlalchemy.engine import make_url

from harness.records.locks import locked
from harness.tracking.homes import bring_home, home_of
from harness.tracking.reaching import refuse_deleted

KIND, TRAINING = "mlflow.experimentKind", "custom_model_development"
"""The tag that makes MLflow's pages show training runs instead of traces of an application."""
INITIALISING = 60.0
"""The seconds to wait for another process that makes the tables of a store."""


def experiment_of(uri: str, name: str, root: Path) -> tuple[MlflowClient, str]:
    """A client of the store, and the id of its experiment ``name``, which is made if it does not exist.

    The artifacts of a local store are below ``root``.
    """
    uri = absolute(uri)
    if not uri.startswith("sqlite"):
        client = MlflowClient(tracking_uri=uri)
        return client, _find_or_make(client, name, None)
    with locked(beside(uri), patience=INITIALISING):  # MLflow crashes if two processes open a new store at once
        _make(uri)
        client = MlflowClient(tracking_uri=uri)
        home = home_of(root, name)
        experiment = _find_or_make(client, name, home.as_uri())
        bring_home(uri, experiment, home)
        return client, experiment


def absolute(uri: str) -> str:
    """``uri``, with the absolute path of a SQLite store.

    MLflow keeps one pool of connections for each address. After a change of the working directory, a relative address
    would still mean the database in the old one.
    """
    if not uri.startswith("sqlite:"):
        return uri
    url = make_url(uri)
    return url.set(database=str(database(uri).absolute())).render_as_string(hide_password=False)


def beside(uri: str) -> Path:
    """The lock file of a SQLite store. It is beside the database, so all processes use the same one."""
    path = database(uri)
    return path.with_name(f".{path.name}.opening")


def database(uri: str) -> Path:
    """The file of a SQLite store."""
    return Path(make_url(uri).database or "")


def _make(uri: str) -> None:
    """Make a new SQLite store, completely or not at all: MLflow cannot use a store that has only some tables."""
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
    if KIND not in found.tags:  # made by an older version, or manually
        client.set_experiment_tag(found.experiment_id, KIND, TRAINING)
    return str(found.experiment_id)
