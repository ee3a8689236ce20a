"""The append-only record of a run: one JSON object a line, the truth from which everything else is made.

A record's ``clock`` and ``origin`` hold what may differ between two executions of the same config (times, versions,
places); all the rest is a function of the config, however often the run was killed and resumed.
"""

import json
import os
from pathlib import Path
from typing import Any

from harness.errors import HarnessError

Record = dict[str, Any]
VOLATILE = ("clock", "origin")
JOURNAL = "journal.jsonl"


class Journal:
    """The journal of one run directory."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / JOURNAL

    def append(self, record: Record) -> None:
        """Add a line; readers see it at once, the disk at the next :meth:`sync`."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record, allow_nan=False) + "\n")

    def sync(self) -> int:
        """Force all lines to the disk; the journal's size in bytes."""
        with self.path.open("a") as file:
            os.fsync(file.fileno())
            return file.tell()

    def cut(self, size: int) -> None:
        """Forget everything behind the first ``size`` bytes: it will be computed again."""
        if size == 0:
            self.path.unlink(missing_ok=True)
        elif not self.path.is_file() or self.path.stat().st_size < size:
            raise HarnessError(f"{self.path} is shorter than its checkpoint says; start the run over with --fresh")
        else:
            os.truncate(self.path, size)

    def read(self) -> list[Record]:
        """All whole records. A last line without its newline is being written, or was cut off: left out.

        Raises:
            HarnessError: a line is not a JSON object.
        """
        if not self.path.is_file():
            return []
        return parse(self.path.read_bytes(), str(self.path))


def parse(content: bytes, name: str) -> list[Record]:
    """The records of a journal's bytes."""
    records = []
    for number, line in enumerate(content.split(b"\n")[:-1], 1):
        try:
            record = json.loads(line)
        except ValueError as error:
            raise HarnessError(f"{name}:{number} is not JSON; start the run over with --fresh") from error
        if not isinstance(record, dict) or "event" not in record:
            raise HarnessError(f"{name}:{number} is not a journal record; start the run over with --fresh")
        records.append(record)
    return records


def spent_in(record: Record, unit: str) -> float:
    """What had been spent when the record was written, in a unit of the budget."""
    return float(record["clock"]["seconds"] if unit == "seconds" else record["spent"][unit])


def lasting(record: Record) -> Record:
    """The record without what may differ between two executions."""
    return {key: value for key, value in record.items() if key not in VOLATILE}
