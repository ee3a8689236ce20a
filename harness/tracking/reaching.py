"""What an MLflow store refuses, told to a user."""

from collections.abc import Iterator
from contextlib import contextmanager

from mlflow.exceptions import MlflowException

from harness.errors import HarnessError


@contextmanager
def reaching(uri: str) -> Iterator[None]:
    """What a store refuses, or that it is not there, as one sentence."""
    try:
        yield
    except MlflowException as error:
        reason = " ".join(str(error).split())[:200]
        raise HarnessError(
            f"cannot use the MLflow store {uri}: {reason}; see that it is there, or name another"
        ) from error
