"""Publishing runs to MLflow, and reading them back. The local journals remain the authoritative record."""

import logging
import os

os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")  # two lines per run, which disturb the bars
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")

import mlflow  # noqa: F401  # after the limits, which it reads on import

for noisy in ("alembic", "mlflow", "sqlalchemy"):  # after the import, which configures them
    logging.getLogger(noisy).setLevel(logging.CRITICAL)  # failures are raised, and reported once

RUN_ID, CREATED, PLACE, PUBLISHED, INVOCATION, EVALUATION, LAYOUT, MATCH, ARM = (
    f"harness.{name}"
    for name in ("run_id", "created", "place", "published", "invocation", "evaluation", "layout", "match", "arm")
)
"""Tags of a run. ``PLACE`` is the identity of the directory that first published it. Runs with the same ``MATCH`` may
be compared in one table. Runs with the same ``ARM`` differ only in their seeds."""
LAYOUT_NOW = "2"
"""The version of the metrics, tags and tables of a run. A run with another version is published again."""
NOTE = "mlflow.note.content"
"""The tag that MLflow shows as a description, in Markdown."""
