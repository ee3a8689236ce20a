"""The journal: the append-only record of a run with one JSON object per line. All reports are made from journals.

The fields ``clock`` and ``origin`` of a line hold what may differ between two executions of the same config: times,
versions and places. Everything else only depends on the config, even if the run was killed and resumed.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from harness.errors import HarnessError
from harness.records.events import Event, decode, encode

JOURNAL = "journal.jsonl"


class Journal:
    """The journal of one run directory."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / JOURNAL

    def append(self, event: Event) -> None:
        """Append a line. Readers see it immediately; it is forced to the disk at the next :meth:`sync`."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(encode(event), allow_nan=False) + "\n")

    def sync(self) -> int:
        """Force all lines to the disk, and return the size of the journal in bytes."""
        with self.path.open("a") as file:
            os.fsync(file.fileno())
            return file.tell()

    def cut(self, size: int) -> None:
        """Delete everything after the first ``size`` bytes. It will be computed again."""
        if size == 0:
            self.path.unlink(missing_ok=True)
        elif not self.path.is_file() or self.path.stat().st_size < size:
            raise HarnessError(f"{self.path} is shorter than its checkpoint says; start the run again with --fresh")
        else:
            os.truncate(self.path, size)

    def read(self) -> list[Event]:
        """The events of all complete lines. A last line without a newline is incomplete, so it is left out.

        Raises:
            HarnessError: a line is not an event of a known format.
        """
        return Follower(self.path).news().events


@dataclass(frozen=True, slots=True)
class News:
    """The new events of a journal since the last call."""

    events: list[Event]
    anew: bool
    """Whether the journal was replaced or truncated. Then these are all of its events."""


class Follower:
    """Reads a growing journal. Each line is read once, so a call costs the same however long the run is."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self._lines = 0
        self._first = b""
        self._last = b""
        """The last line before the offset. If the first or this line has changed, the journal was replaced or
        truncated."""

    def news(self) -> News:
        """The events since the last call.

        Raises:
            HarnessError: a line is not an event of a known format.
        """
        try:
            file = self._path.open("rb")
        except FileNotFoundError:
            return self._begin_again() if self._offset else News([], anew=False)
        with file:
            same = file.read(len(self._first)) == self._first
            file.seek(self._offset - len(self._last))
            if same and file.read(len(self._last)) == self._last:
                return News(self._read(file.read()), anew=False)
            self._begin_again()
            file.seek(0)
            return News(self._read(file.read()), anew=True)

    def _read(self, content: bytes) -> list[Event]:
        whole = content[: content.rfind(b"\n") + 1]
        lines = whole.splitlines(keepends=True)
        events = parse(whole, str(self._path), after=self._lines)
        self._offset += len(whole)
        self._lines += len(lines)
        if lines:
            self._first, self._last = self._first or lines[0], lines[-1]
        return events

    def _begin_again(self) -> News:
        self._offset, self._lines, self._first, self._last = 0, 0, b"", b""
        return News([], anew=True)


def parse(content: bytes, name: str, after: int = 0) -> list[Event]:
    """The events in the bytes of a journal. An incomplete last line is left out.

    ``after``: the number of lines before these bytes, for messages.

    Raises:
        HarnessError: a line is not an event of a known format.
    """
    events = []
    for number, line in enumerate(content.split(b"\n")[:-1], after + 1):
        where = f"{name}:{number}"
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise HarnessError(f"{where} is not JSON; start the run again with --fresh") from error
        if not isinstance(record, dict) or "event" not in record:
            raise HarnessError(f"{where} is not a journal record; start the run again with --fresh")
        try:
            events.append(decode(record, where))
        except (KeyError, TypeError, AttributeError, OverflowError, ValidationError) as error:
            raise HarnessError(
                f"an older version of the harness wrote {where}, with other contents; repeat the run with --fresh, or "
                "use another --out or store"
            ) from error
    return events
