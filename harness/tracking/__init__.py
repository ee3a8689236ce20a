"""MLflow: where runs are published, and can be read back from. The local journals remain the truth."""

import logging
import os

os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")  # two lines a run, through the bars
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")

import mlflow  # noqa: F401  # behind the limits, which it reads on import

for noisy in ("alembic", "mlflow", "sqlalchemy"):  # after the import, which configures them
    logging.getLogger(noisy).setLevel(logging.CRITICAL)  # what fails is raised, and told once

RUN_ID, CREATED, PUBLISHED, INVOCATION, EVALUATION, LAYOUT, MATCH, ARM = (
    f"harness.{name}"
    for name in ("run_id", "created", "published", "invocation", "evaluation", "layout", "match", "arm")
)
"""Tags of a run. Two runs with the same ``MATCH`` may stand in one table; with the same ``ARM`` they differ only in the
seed."""
LAYOUT_NOW = "2"
"""Which metrics, tags and tables a run is given. A run that was published with another layout is published again."""
NOTE = "mlflow.note.content"
"""The tag that MLflow shows as a description, in Markdown."""
