"""What the end of a command says about runs that are in MLflow."""

import pytest

from harness.launch.syncing import where_to_look

PLACE = "/#/experiments/1/runs?viewStateShareKey=harness-1"


@pytest.mark.parametrize(
    ("uri", "lines"),
    [
        ("http://host:5000/", ["to see the runs:  http://host:5000/#/experiments/1/runs?viewStateShareKey=harness-1"]),
        ("https://me:s3cret@host/mlflow", [f"to see the runs:  https://host/mlflow{PLACE}"]),
        (
            "sqlite:////a folder/mlflow.db",
            [
                "to see the runs:  mlflow ui --backend-store-uri 'sqlite:////a folder/mlflow.db'",
                f"and then open:  http://127.0.0.1:5000{PLACE}",
            ],
        ),
        (
            "postgresql://me:s3cret@db/mlflow",
            [
                "to see the runs:  mlflow ui --backend-store-uri 'postgresql://me:***@db/mlflow'",
                f"and then open:  http://127.0.0.1:5000{PLACE}",
            ],
        ),
        ("databricks", []),
    ],
)
def test_a_link_or_a_command(uri: str, lines: list[str]) -> None:
    assert where_to_look(uri, [PLACE]) == lines
