"""The completions of a run's last test evaluation, as a table that MLflow's pages show."""

import json
from collections.abc import Sequence

from evaluators.statistics.accuracy import SampleRecord

TABLE = "completions.json"
"""The same name in every run, so that MLflow's pages can show the tables of several runs side by side."""
TABLES, LISTED = "mlflow.loggedArtifacts", json.dumps([{"path": TABLE, "type": "table"}])
"""The tag that names the tables among a run's artifacts, and its value."""
MOST = 2000
"""The largest number of rows, because a browser must load all of them. The Parquet file has every completion."""


def table_of(records: Sequence[SampleRecord]) -> str:
    """The first :data:`MOST` completions, as JSON."""
    rows = [
        {
            "question": record.question,
            "completion": record.text,
            "answer": record.extracted or "",
            "expected": record.answer,
            "verdict": record.strict,
            "tokens": record.tokens,
            "truncated": record.truncated,
            "problem": record.problem,
            "sample": record.sample,
        }
        for record in records[:MOST]
    ]
    columns = list(rows[0]) if rows else []
    return json.dumps({"columns": columns, "data": [list(row.values()) for row in rows]}, ensure_ascii=False)
