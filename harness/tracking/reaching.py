"""Errors of an MLflow store as messages for the user."""

from collections.abc import Iterator
from contextlib import contextmanager

from mlflow.entities import Experiment
from mlflow.exceptions import MlflowException
from sqlalchemy.exc import SQLAlchemyError

from harness.errors import HarnessError
from harness.records.addresses import FORBIDDEN, UNKNOWN_USER, reason_of, without_password

STORES = (MlflowException, SQLAlchemyError, OSError, ImportError)
"""The errors of a store. ImportError is one of them, because its artifacts may need a client that is not installed."""
CLIENTS = ("azure", "boto3", "botocore", "google")
"""Packages of object stores. Each has exceptions of its own."""


@contextmanager
def reaching(uri: str) -> Iterator[None]:
    """A context that turns an error of the store or of its disk into one sentence."""
    try:
        yield
    except HarnessError:
        raise
    except Exception as error:
        if not (isinstance(error, STORES) or type(error).__module__.partition(".")[0] in CLIENTS):
            raise
        raise HarnessError(f"cannot use the MLflow store {without_password(uri)}: {_told(error)}") from error


def _told(error: Exception) -> str:
    reason = reason_of(error)
    if reason in (UNKNOWN_USER, FORBIDDEN):
        return reason
    if isinstance(error, ImportError):
        return f"{reason}; install the package that its artifacts need, such as boto3 for s3:// addresses"
    return f"{reason}; check that the store exists, or name another one"


def refuse_deleted(experiment: Experiment) -> None:
    """
    Raises:
        HarnessError: the experiment was deleted, which MLflow can undo.
    """
    if experiment.lifecycle_stage == "deleted":
        raise HarnessError(
            f"the experiment {experiment.name} was deleted from the MLflow store; restore it with mlflow experiments "
            f"restore --experiment-id {experiment.experiment_id}, or name another store"
        )
