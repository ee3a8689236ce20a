"""What an MLflow store refuses, told to a user."""

from collections.abc import Iterator
from contextlib import contextmanager

from mlflow.entities import Experiment
from mlflow.exceptions import MlflowException
from sqlalchemy.exc import SQLAlchemyError

from harness.errors import HarnessError
from harness.records.addresses import reason_of, without_password


@contextmanager
def reaching(uri: str) -> Iterator[None]:
    """What a store refuses, or its disk, or that it is not there, as one sentence."""
    try:
        yield
    except (MlflowException, SQLAlchemyError, OSError) as error:
        raise HarnessError(
            f"cannot use the MLflow store {without_password(uri)}: {reason_of(error)}; see that it is there, or name "
            "another"
        ) from error


def refuse_deleted(experiment: Experiment) -> None:
    """
    Raises:
        HarnessError: the experiment was deleted, which MLflow can undo.
    """
    if experiment.lifecycle_stage == "deleted":
        raise HarnessError(
            f"the experiment {experiment.name} was deleted from the MLflow store; restore it by mlflow experiments "
            f"restore --experiment-id {experiment.experiment_id}, or name another store"
        )
