"""The append-only record of a run: one JSON object a line, the truth from which everything else is made.

A line's ``clock`` and ``origin`` hold what may differ between two executions of the same config (times, versions,
places). All the rest is a function of the config, however often the run was killed and resumed.
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
        """Add a line; readers see it at once, the disk at the next :meth:`sync`."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(encode(event), allow_nan=False) + "\n")

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

    def read(self) -> list[Event]:
        """All whole lines. A last line without its newline is being written, or was cut off: left out.

        Raises:
            HarnessError: a line is no event of a format that this version knows.
        """
        return Follower(self.path).news().events


@dataclass(frozen=True, slots=True)
class News:
    """What a journal has got since it was last looked at."""

    events: list[Event]
    anew: bool
    """The journal no longer begins with what was seen of it: these are all of its events."""


class Follower:
    """Reads a journal as it grows, each line once, so that a look costs the same however long the run is."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self._lines = 0
        self._first = b""
        self._last = b""
        """The first line, and the one before the offset: where they are no longer there, the journal was begun again
        or cut."""

    def news(self) -> News:
        """The events since the last call.

        Raises:
            HarnessError: a line is no event of a format that this version knows.
        """
        if not self._path.is_file():
            return self._begin_again() if self._offset else News([], anew=False)
        with self._path.open("rb") as file:
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
    """The events of a journal's bytes, behind its first ``after`` lines; a last line without its end is left out.

    Raises:
        HarnessError: a line is no event of a format that this version knows.
    """
    events = []
    for number, line in enumerate(content.split(b"\n")[:-1], after + 1):
        where = f"{name}:{number}"
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise HarnessError(f"{where} is not JSON; start the run over with --fresh") from error
        if not isinstance(record, dict) or "event" not in record:
            raise HarnessError(f"{where} is not a journal record; start the run over with --fresh")
        try:
            events.append(decode(record, where))
        except (KeyError, TypeError, AttributeError, OverflowError, ValidationError) as error:
            raise HarnessError(
                f"{where} was written by an older version of the harness, which recorded something else; redo the run "
                "with --fresh, or use another --out or store"
            ) from error
    return events
