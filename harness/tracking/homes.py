"""The folder of a local store's artifacts, even after the store was moved or copied.

MLflow writes absolute paths into its database. Our artifacts are below ``mlflow-artifacts`` in the folder of the runs,
so they can be found again.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlparse
from urllib.request import url2pathname

from sqlalchemy import Connection, NullPool, create_engine, text

FOLDER = "mlflow-artifacts"


def home_of(root: Path, experiment: str) -> Path:
    """The folder of an experiment's artifacts in a local store. It is below the folder of the runs."""
    return (root / FOLDER / experiment).resolve()


def local_path(uri: str) -> Path | None:
    """The folder of an artifact address. None if it is not on a disk of this machine."""
    place = urlparse(uri)
    return Path(url2pathname(place.path)) if place.scheme in ("file", "") else None


def nearest(uri: str, home: Path) -> str:
    """The address of a run's artifacts: below ``home`` if they exist there, otherwise the one in the store."""
    moved = _below(uri, home)
    return moved.as_uri() if moved and moved.is_dir() else uri


def bring_home(database: str, experiment: str, home: Path) -> None:
    """Change a SQLite store to name the folders below ``home``.

    This replaces folders that no longer exist, or that belong to the original of a copied store. A run keeps its
    address if its artifacts exist only there. ``database`` is the address of the store, and ``experiment`` is MLflow's
    id.
    """
    with _open(database) as connection:
        query = "SELECT artifact_location FROM experiments WHERE experiment_id = :experiment"
        said: str = connection.execute(text(query), {"experiment": int(experiment)}).scalar_one()
        if said == home.as_uri() or local_path(said) is None:
            return
        query = "SELECT run_uuid, artifact_uri FROM runs WHERE experiment_id = :experiment"
        runs = connection.execute(text(query), {"experiment": int(experiment)}).all()
        moved = {run: place for run, uri in runs if (place := _new_place(str(uri), home))}
        for run, place in moved.items():
            update = "UPDATE runs SET artifact_uri = :uri WHERE run_uuid = :run"
            connection.execute(text(update), {"uri": place.as_uri(), "run": run})
        if moved or not _is_there(said):
            update = "UPDATE experiments SET artifact_location = :uri WHERE experiment_id = :experiment"
            connection.execute(text(update), {"uri": home.as_uri(), "experiment": int(experiment)})


def _new_place(uri: str, home: Path) -> Path | None:
    """The new folder of a run's artifacts. None if the address in the store is right."""
    place = _below(uri, home)
    if place is None or place.as_uri() == uri:
        return None
    return place if place.is_dir() or not _is_there(uri) else None


def _below(uri: str, home: Path) -> Path | None:
    """The same folder below ``home``. An address ends with the run's id and ``artifacts``."""
    said = local_path(uri)
    return home / said.parent.name / said.name if said else None


def _is_there(uri: str) -> bool:
    said = local_path(uri)
    return said is not None and said.is_dir()


@contextmanager
def _open(database: str) -> Iterator[Connection]:
    """A connection to the database. All changes in this context are made together, or none of them."""
    engine = create_engine(database, poolclass=NullPool)
    try:
        with engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()
