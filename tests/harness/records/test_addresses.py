"""A password in a store's address is never shown."""

import pytest

from harness.records.addresses import without_password


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
    ],
)
def test_addresses_are_shown_without_their_passwords(text: str, shown: str) -> None:
    assert without_password(text) == shown
