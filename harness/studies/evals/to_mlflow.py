"""Evaluations in MLflow: one experiment, with one run per model and task. The keys are the same for every model."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from harness.config.run_config import flat
from harness.records.addresses import reason_of, without_password
from harness.records.out_dir import OutDir
from harness.studies.evals.document import EvalResult
from harness.studies.evals.results import read_result
from harness.studies.evals.settings import slug

if TYPE_CHECKING:
    from mlflow import MlflowClient

EXPERIMENT = "evals"


def publish(folders: Sequence[Path], uri: str, out_dir: OutDir, console: Console) -> None:
    """Publish each evaluation once. If the store cannot be reached, this only prints a warning."""
    try:
        from mlflow.entities import Metric, Param

        from harness.tracking.opening import experiment_of

        client, experiment = experiment_of(uri, EXPERIMENT, out_dir.root)
        for folder in folders:
            result = read_result(folder)
            if (run_id := _run(client, experiment, result)) is None:
                continue
            params = [Param(key, value) for key, value in params_of(result).items()]
            stamp = int(result.time * 1000)
            metrics = [Metric(key, value, stamp, 0) for key, value in metrics_of(result).items()]
            client.log_batch(run_id, metrics=metrics, params=params)
            client.log_artifacts(run_id, str(folder))
            client.set_terminated(run_id)
    except Exception as error:  # the results are on disk, whatever the store does
        reason, shown = reason_of(error), without_password(uri)
        console.print(
            f"warning: cannot publish to {shown} ({reason}); the results are on disk, and the same command retries"
        )


def _run(client: "MlflowClient", experiment: str, result: EvalResult) -> str | None:
    """Create a run for an evaluation and delete older runs of the same model and settings. None if it is published."""
    from harness.tracking import CREATED, EVALUATION, NOTE

    what, created = f"{result.key} {slug(result.model)} {result.weights}", repr(result.time)
    for run in client.search_runs([experiment], f"tags.`{EVALUATION}` = '{what}'"):
        if run.data.tags[CREATED] == created and run.info.status == "FINISHED":
            return None
        client.delete_run(run.info.run_id)
    made = client.create_run(
        experiment,
        run_name=f"{result.model} on {result.task}",
        tags={EVALUATION: what, CREATED: created, NOTE: f"    {result.command}"},
    )
    return str(made.info.run_id)


def params_of(result: EvalResult) -> dict[str, str]:
    """The model, the settings, and the versions and devices that computed it."""
    params = {"model": result.model, "weights": result.weights, "key": result.key}
    params |= flat(result.settings.model_dump(mode="json"))
    params |= flat(result.computed, "computed.") | flat(result.versions, "version.")
    return {key: str(value)[:6000] for key, value in params.items()}


def metrics_of(result: EvalResult) -> dict[str, float]:
    """Metrics named ``<task>/<metric>``. The ends of intervals are ``<metric>.low`` and ``<metric>.high``."""
    found = {key: value for key, value in flat(asdict(result.summary)).items() if isinstance(value, int | float)}
    named = {key.removesuffix(".mean").removeprefix("scores."): value for key, value in found.items()}
    return {f"{result.task}/{key}": float(value) for key, value in named.items()}
