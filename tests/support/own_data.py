"""Own data in files."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from evaluators.tasks import load_problems
from evaluators.types import Problem, Split

Row = dict[str, Any]


def lines(rows: list[Row]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def table(separator: str) -> Callable[[list[Row]], bytes]:
    def write(rows: list[Row]) -> bytes:
        text = io.StringIO()
        writer = csv.DictWriter(text, list(rows[0]), delimiter=separator)
        writer.writeheader()
        writer.writerows(rows)
        return text.getvalue().encode("utf-8-sig")

    return write


def all_of(data: Path, **options: Any) -> dict[Split, list[Problem]]:
    return {split: load_problems("jsonl", split, data=data, **options) for split in Split}
