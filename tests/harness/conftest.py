"""Runs that several tests look at, made once."""

from pathlib import Path

import pytest

from algorithms import OBJECTIVES
from tests.harness.small import run_small, small_config


@pytest.fixture(scope="session")
def small_runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Finished small runs: each built-in objective with seed 0, and agro with seed 1."""
    root = tmp_path_factory.mktemp("runs")
    arms = {name: (name, 0) for name in OBJECTIVES} | {"agro-1": ("agro", 1)}
    for name, (objective, seed) in arms.items():
        assert run_small(small_config(objective, seed), root / name) == "finished"
    return {name: root / name for name in arms}
