"""A folder of runs with its MLflow store, copied or moved. Its contents are read there, and not in the original."""

import shutil
from pathlib import Path

import pytest
from mlflow import MlflowClient

from harness.launch.syncing import sync_suite
from harness.records.out_dir import OutDir
from harness.report.sources import MlflowSource
from harness.tracking.writer import Writer
from tests.support.published import published
from tests.support.small import SUITE


@pytest.fixture
def copied(store: OutDir, tmp_path: Path) -> OutDir:
    sync_suite(Writer(store.tracking_uri, SUITE, store.root), store, SUITE, list(store.runs()))
    return OutDir(Path(shutil.copytree(store.root, tmp_path / "elsewhere")))


def artifacts_of(out: OutDir) -> set[Path]:
    """Where MLflow's own pages look for the artifacts."""
    client = MlflowClient(out.tracking_uri)
    experiment = client.get_experiment_by_name(SUITE)
    assert experiment
    runs = client.search_runs([experiment.experiment_id])
    places = [experiment.artifact_location, *(run.info.artifact_uri for run in runs)]
    return {Path(place.removeprefix("file://")) for place in places}


@pytest.mark.parametrize("original", ["gone", "changed"])
def test_a_report_reads_the_copy(copied: OutDir, store: OutDir, original: str) -> None:
    if original == "gone":
        shutil.rmtree(store.root)
    else:
        for journal in store.root.glob("mlflow-artifacts/**/journal.jsonl"):
            journal.write_text("changed since")
    source = MlflowSource(copied.tracking_uri, SUITE)
    results = source.results()
    assert [run.status for run in results] == ["finished"] * 2
    assert source.completions(results[0])


def test_the_next_sync_has_mlflow_show_the_copy_and_leaves_the_original_alone(copied: OutDir, store: OutDir) -> None:
    before = published(store.tracking_uri)
    sync_suite(Writer(copied.tracking_uri, SUITE, copied.root), copied, SUITE, list(copied.runs()))
    assert all(place.is_relative_to(copied.root) for place in artifacts_of(copied))
    assert all(place.is_relative_to(store.root) for place in artifacts_of(store))
    assert published(store.tracking_uri) == published(copied.tracking_uri) == before


def test_a_database_that_was_copied_alone_keeps_what_it_knows(store: OutDir, tmp_path: Path) -> None:
    sync_suite(Writer(store.tracking_uri, SUITE, store.root), store, SUITE, list(store.runs()))
    alone = OutDir(tmp_path / "alone")
    alone.prepare()
    shutil.copy(store.root / "mlflow.db", alone.root)
    before = published(store.tracking_uri)
    Writer(alone.tracking_uri, SUITE, alone.root)
    assert published(alone.tracking_uri) == before
    assert len(MlflowSource(alone.tracking_uri, SUITE).results()) == 2
