"""The node's side of a run: new files in the folder of the run are sent to the sink while the run goes on."""

import os
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from harness.launch.executors.ray.sink import Word
from harness.launch.executors.ray.storage import NeedsStorage, pack
from harness.records.journal import JOURNAL
from harness.records.locks import LOCK
from harness.records.out_dir import CHECKPOINT, FINAL

SEND_EVERY = 1.0
"""Seconds between two checks of the folder."""
PARTIAL = f"{FINAL}.partial"
Say = Callable[..., Any]
"""Sends a message to the sink and returns the answer. The arguments are the name of a method, and its arguments after
run and attempt."""


class Mirror:
    """A context in which a thread sends new files. On exit, everything has been sent.

    A file is sent before the journal line that mentions it, and a checkpoint after the journal that belongs to it. So
    the sink has a state that can be resumed at any time.
    """

    def __init__(self, directory: Path, say: Say, storage: str | None, *, journal_bytes: int) -> None:
        self._directory, self._say, self._storage = directory, say, storage
        self._sent = journal_bytes
        self._seen: dict[str, tuple[int, int, int]] = {}
        self._over, self._stop = threading.Event(), threading.Event()
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def should_stop(self) -> bool:
        """Whether the sink has asked to stop, or cannot be reached."""
        return self._stop.is_set()

    def __enter__(self) -> "Mirror":
        self._know_of(CHECKPOINT)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        if self._error:
            raise self._error
        self._send()

    def _follow(self) -> None:
        try:
            while not self._over.wait(SEND_EVERY):
                self._send()
                self._heed(self._say("word"))
        except Exception as error:  # raised again in the thread of the run
            self._error = error
            self._stop.set()

    def _send(self) -> None:
        """Send everything that is new."""
        snapshot = self._snapshot()
        try:
            lines = self._lines()
            self._send_files()
            if lines:
                self._heed(self._say("journal", self._sent, lines))
                self._sent += len(lines)
            if snapshot:
                self._heed(self._say("checkpoint", pack(snapshot, self._storage)))
        except NeedsStorage as error:
            self._heed(self._say("refuse", str(error)))
        finally:
            if snapshot:
                snapshot.unlink()

    def _snapshot(self) -> Path | None:
        """A link to the checkpoint if it is new, under a name that the run does not replace."""
        if not self._know_of(CHECKPOINT):
            return None
        snapshot = self._directory / f".{CHECKPOINT}.sending"
        snapshot.unlink(missing_ok=True)
        try:
            os.link(self._directory / CHECKPOINT, snapshot)
        except FileNotFoundError:  # the run has just ended
            return None
        return snapshot

    def _lines(self) -> bytes:
        """Complete lines of the journal that have not been sent."""
        path = self._directory / JOURNAL
        if not path.is_file():
            return b""
        with path.open("rb") as file:
            file.seek(self._sent)
            content = file.read()
        return content[: content.rfind(b"\n") + 1]

    def _send_files(self) -> None:
        whole = False
        for path in sorted(self._directory.rglob("*")):
            name = path.relative_to(self._directory)
            hidden = any(part.startswith(".") or part.endswith(".partial") for part in name.parts)
            if hidden or not path.is_file() or str(name) in (JOURNAL, CHECKPOINT, LOCK):
                continue
            if not self._know_of(str(name)):
                continue
            in_final = name.parts[0] == FINAL
            whole = whole or in_final
            target = Path(PARTIAL, *name.parts[1:]) if in_final else name
            self._heed(self._say("file", target.as_posix(), pack(path, self._storage)))
        if whole:
            self._heed(self._say("rename", PARTIAL, FINAL))

    def _know_of(self, name: str) -> bool:
        """Whether a file has changed since the last call."""
        try:
            found = (self._directory / name).stat()
        except FileNotFoundError:
            return False
        mark = (found.st_ino, found.st_mtime_ns, found.st_size)
        before, self._seen[name] = self._seen.get(name), mark
        return mark != before

    def _heed(self, word: Word) -> None:
        if word != "go":
            self._stop.set()
