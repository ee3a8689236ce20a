"""Everything in an MLflow store about a suite, without the ids that MLflow draws."""

from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from mlflow import MlflowClient

from harness.tracking import INVOCATION, PLACE, PUBLISHED, RUN_ID
from harness.tracking.view import BUDGET
from tests.support.small import SUITE

Published = dict[str, Any]


def published(uri: str, place: str | None = None) -> Published:
    """By run id or invocation: status, parameters, histories of metrics, and the bytes of every artifact.

    ``place``: the identity of a directory, if only the runs that it published are wanted.
    """
    client = MlflowClient(tracking_uri=uri)
    experiment = client.get_experiment_by_name(SUITE)
    assert experiment is not None
    found: Published = {}
    for run in client.search_runs([experiment.experiment_id]):
        tags = run.data.tags
        if place is not None and tags.get(PLACE) != place:
            continue
        key = tags.get(RUN_ID) or tags[INVOCATION]
        assert key not in found, "it is there twice"
        machine = [name for name in run.data.metrics if name.startswith("system/") and not name.startswith(BUDGET)]
        histories = {
            name: sorted((m.step, m.value, m.timestamp) for m in client.get_metric_history(run.info.run_id, name))
            for name in run.data.metrics.keys() - machine
        }
        folder = Path(urlparse(run.info.artifact_uri).path)
        files = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        found[key] = (run.info.status, run.data.params, tags.get(PUBLISHED), histories, files)
    return found


def contents(uri: str) -> dict[str, object]:
    """Everything that the store contains about the suite, in a form that can be compared."""
    client = MlflowClient(tracking_uri=uri)
    experiment = client.get_experiment_by_name(SUITE)
    assert experiment is not None
    found = {}
    for run in client.search_runs([experiment.experiment_id]):
        histories = {
            key: [(m.step, m.value, m.timestamp) for m in client.get_metric_history(run.info.run_id, key)]
            for key in run.data.metrics
        }
        found[run.info.run_id] = (run.info.status, run.data.params, run.data.tags, histories)
    return found
