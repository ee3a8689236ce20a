"""A password in the address of a store is never shown."""

import pytest
import requests
from mlflow.exceptions import ErrorCode, MlflowException

from harness.records.addresses import address_of, reason_of, without_password


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://me:s3cret@db:5432/mlflow", "postgresql://me:***@db:5432/mlflow"),
        ("https://me:s%40cret@host/x?y=1", "https://me:***@host/x?y=1"),
        ("mysql+pymysql://:s3cret@db/mlflow", "mysql+pymysql://:***@db/mlflow"),
        (
            "cannot reach https://a:b@c/d nor postgres://e:f@g/h",
            "cannot reach https://a:***@c/d nor postgres://e:***@g/h",
        ),
        ("sqlite:////tmp/a:b@c/mlflow.db", "sqlite:////tmp/a:b@c/mlflow.db"),
        ("http://127.0.0.1:5000/#/experiments/1", "http://127.0.0.1:5000/#/experiments/1"),
        ("https://me@host/x", "https://me@host/x"),
        ("https://me:p@ss/w:rd@host/x", "https://me:***@host/x"),
        ("postgresql://db/mlflow?user=me&password=s3cret&x=1", "postgresql://db/mlflow?user=me&password=***&x=1"),
        ("mssql://db/mlflow?PWD=s3cret", "mssql://db/mlflow?PWD=***"),
    ],
)
def test_addresses_are_shown_without_their_passwords(text: str, shown: str) -> None:
    assert without_password(text) == shown


@pytest.mark.parametrize(
    "server", ["https://host:1/mlflow/", "https://me:s%40cret@host:1/mlflow", "https://t0ken@host:1/mlflow"]
)
def test_a_link_has_no_login(server: str) -> None:
    assert address_of(server, "/#/runs") == "https://host:1/mlflow/#/runs"


def answered(status: int) -> list[Exception]:
    """What the clients raise for this HTTP status: MLflow's client for the interface, and another one for artifacts."""
    response = requests.Response()
    response.status_code = status
    wrapped = MlflowException("no artifact")
    wrapped.__cause__ = requests.HTTPError(response=response)
    code = {401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "RESOURCE_DOES_NOT_EXIST"}[status]
    return [MlflowException("refused", error_code=ErrorCode.Value(code)), wrapped.__cause__, wrapped]


@pytest.mark.parametrize("kind", range(3))
def test_who_is_not_known_is_told_how_to_say_who_one_is(kind: int) -> None:
    assert "variables MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD" in reason_of(answered(401)[kind])
    assert "administrator" in reason_of(answered(403)[kind])
    assert "MLFLOW_TRACKING" not in reason_of(answered(404)[kind])
