"""The driver's side of all runs: writes their directories from the messages of nodes."""

import os
import re
import shutil
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from harness.errors import NO_ROOM, HarnessError
from harness.launch.executors.ray.storage import NeedsStorage, Parcel, discard, pack, unpack
from harness.records.journal import JOURNAL
from harness.records.locks import LOCK, locked
from harness.records.out_dir import CHECKPOINT, ERROR, SETS

Word = Literal["go", "stop", "gone"]
"""An answer to a node: go on, stop after the step, or stop because another node has the run now."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Begun:
    """The start of an attempt at a run."""

    attempt: int
    word: Word
    files: dict[str, Parcel]
    """Journal and checkpoint, if there is a checkpoint."""


@dataclass(kw_only=True, slots=True)
class _Run:
    directory: Path
    fresh: bool
    """Whether files of an earlier command must still be deleted."""
    attempt: int = 0
    """The current attempt. Messages of others are ignored."""
    progress: int = 0
    """The number of checkpoints so far."""
    progress_then: int = 0
    """The number of checkpoints when the last attempt was lost."""
    waits: bool = True
    """Whether no task of the run has started, or none since the last one was lost."""
    where: str = ""
    """The node of the run; empty while it is not running."""
    held: ExitStack | None = None
    """The lock on its directory, from the first attempt until an attempt ends."""


class Sink:
    """Writes the directories of runs. Each message names its run and attempt. Messages of lost attempts do nothing.

    File names that lead out of the run's directory are refused.
    """

    def __init__(self, storage: str | None) -> None:
        self._storage = storage
        self._runs: dict[str, _Run] = {}
        self._makers: dict[Path, tuple[str, int, ExitStack]] = {}
        """The run and attempt that is making each fixed set, and the lock on its folder."""
        self._stopping = False
        self._refusal: str | None = None

    # Requests of the driver.

    def expect(self, directories: dict[str, Path], *, fresh: bool) -> None:
        """Accept messages about these runs from now on."""
        self._stopping, self._refusal = False, None
        self._runs |= {run_id: _Run(directory=path, fresh=fresh) for run_id, path in directories.items()}

    def news(self) -> tuple[dict[str, str], str | None]:
        """The nodes of all running runs by run id, and the reason if no run can go on."""
        return {run_id: run.where for run_id, run in self._runs.items() if run.where}, self._refusal

    def stop(self) -> list[str]:
        """Start no more runs, and stop running ones after their step. Returns the ids of the running ones."""
        self._stopping = True
        return [run_id for run_id, run in self._runs.items() if not run.waits]

    def lost(self, run_id: str) -> bool:
        """Note that an attempt was lost. Returns whether it made more checkpoints than the one before."""
        run = self._runs[run_id]
        run.attempt, run.where, run.waits = run.attempt + 1, "", True
        self._release(run_id)
        further = run.progress > run.progress_then
        run.progress_then = run.progress
        return further

    # Requests of nodes.

    def begin(self, run_id: str, where: str) -> Begun | str:
        """Start an attempt at a run on the node ``where``. Returns the reason if that is impossible."""
        run = self._runs[run_id]
        if self._stopping:
            return Begun(attempt=0, word="stop", files={})
        if run.held is None:
            held = ExitStack()
            try:
                held.enter_context(locked(run.directory, patience=1))
            except HarnessError as error:
                return str(error)
            run.held = held
            (run.directory / ERROR).unlink(missing_ok=True)
        run.attempt, run.where, run.waits = run.attempt + 1, where, False
        try:
            return Begun(attempt=run.attempt, word="go", files={} if run.fresh else self._left(run))
        except NeedsStorage as error:
            self._refuse(str(error))
            return Begun(attempt=0, word="stop", files={})

    def stopping(self) -> bool:
        """Whether no more runs may start."""
        return self._stopping

    def word(self, run_id: str, attempt: int) -> Word:
        """Whether an attempt should go on."""
        if attempt != self._runs[run_id].attempt:
            return "gone"
        return "stop" if self._stopping else "go"

    def refuse(self, run_id: str, attempt: int, reason: str) -> Word:
        """A node reports that no run can go on."""
        if self.word(run_id, attempt) != "gone":
            self._refuse(reason)
        return self.word(run_id, attempt)

    def journal(self, run_id: str, attempt: int, offset: int, lines: bytes) -> Word:
        """Append complete lines to the journal after its first ``offset`` bytes. Anything after these is replaced."""

        def write(directory: Path) -> None:
            with (directory / JOURNAL).open("ab") as file:
                if file.tell() < offset:
                    raise ValueError(f"{file.name} has {file.tell()} bytes, but the new lines start at {offset}")
                if file.tell() > offset:
                    file.truncate(offset)
                file.write(lines)

        return self._write(run_id, attempt, write)

    def checkpoint(self, run_id: str, attempt: int, parcel: Parcel) -> Word:
        """Write a checkpoint. The journal that belongs to it was sent before."""

        def write(directory: Path) -> None:
            with (directory / JOURNAL).open("ab") as file:
                os.fsync(file.fileno())
            _replace(directory / CHECKPOINT, parcel)
            self._runs[run_id].progress += 1

        return self._write(run_id, attempt, write, parcel)

    def file(self, run_id: str, attempt: int, name: str, parcel: Parcel) -> Word:
        """Write any other file of the run as a whole."""

        def write(directory: Path) -> None:
            path = confined(directory, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            _replace(path, parcel)

        return self._write(run_id, attempt, write, parcel, forgets=name != ERROR)

    def rename(self, run_id: str, attempt: int, before: str, after: str) -> Word:
        """Give a complete folder its final name."""

        def write(directory: Path) -> None:
            if (source := confined(directory, before)).is_dir():
                _remove(confined(directory, after))
                source.rename(confined(directory, after))

        return self._write(run_id, attempt, write)

    def end(self, run_id: str, attempt: int, *, ended: bool) -> Word:
        """Note that an attempt is over. A run that has ``ended`` no longer needs its checkpoint."""

        def write(directory: Path) -> None:
            if ended:
                (directory / CHECKPOINT).unlink(missing_ok=True)
            self._release(run_id)
            run = self._runs[run_id]
            run.where = ""
            if run.held:
                run.held.close()
                run.held = None

        return self._write(run_id, attempt, write, forgets=False)

    def claim_set(self, run_id: str, attempt: int, name: str) -> Parcel | Literal["make", "wait"]:
        """The fixed set of this name, or the permission to make it, which only one run has at a time."""
        if self.word(run_id, attempt) == "gone":
            return "make"  # its result will be ignored
        folder = self._set_folder(run_id, name)
        path = folder / "completions.json.gz"
        if folder in self._makers and self._makers[folder][:2] != (run_id, attempt):
            return "wait"
        if path.is_file():
            return pack(path, self._storage)
        if folder not in self._makers:
            held = ExitStack()
            try:
                held.enter_context(locked(folder, patience=0))
            except HarnessError:  # another command on this machine is making it
                return "wait"
            self._makers[folder] = (run_id, attempt, held)
        return "make"

    def set_made(self, run_id: str, attempt: int, name: str, parcel: Parcel) -> Word:
        """Write the fixed set that the run was permitted to make."""
        path = self._set_folder(run_id, name) / "completions.json.gz"
        word = self._write(run_id, attempt, lambda _: _replace(path, parcel), parcel, forgets=False)
        self._release(run_id)
        return word

    # Implementation.

    def _write(
        self,
        run_id: str,
        attempt: int,
        write: Callable[[Path], None],
        parcel: Parcel = b"",
        *,
        forgets: bool = True,
    ) -> Word:
        """Call ``write`` on the run's directory, unless the attempt was lost. Old files are deleted first if needed."""
        run = self._runs[run_id]
        if self.word(run_id, attempt) == "gone":
            discard(parcel)
            return "gone"
        try:
            run.directory.mkdir(parents=True, exist_ok=True)
            if run.fresh and forgets:
                for entry in run.directory.iterdir():
                    if entry.name != LOCK:
                        _remove(entry)
                run.fresh = False
            write(run.directory)
        except OSError as error:
            if error.errno not in NO_ROOM:
                raise
            self._refuse(f"cannot write {run.directory}: {error}; free some space, and the same command resumes")
        return self.word(run_id, attempt)

    def _left(self, run: _Run) -> dict[str, Parcel]:
        """Journal and checkpoint. Empty if there is no checkpoint, because the run then starts from the beginning."""
        names = (JOURNAL, CHECKPOINT) if (run.directory / CHECKPOINT).is_file() else ()
        return {name: pack(run.directory / name, self._storage) for name in names if (run.directory / name).is_file()}

    def _set_folder(self, run_id: str, name: str) -> Path:
        if not re.fullmatch(r"s\d+-[0-9a-f]+", name):
            raise ValueError(f"{name!r} is not the name of a fixed set")
        return self._runs[run_id].directory.parent.parent / SETS / name

    def _release(self, run_id: str) -> None:
        """Allow other runs to make the set that this run was permitted to make."""
        for folder, (maker, _, held) in list(self._makers.items()):
            if maker == run_id:
                held.close()
                del self._makers[folder]

    def _refuse(self, reason: str) -> None:
        self._stopping, self._refusal = True, self._refusal or reason


def confined(directory: Path, name: str) -> Path:
    """The path of a file name inside a directory.

    Raises:
        ValueError: the name leads out of the directory.
    """
    path = PurePosixPath(name)
    if not path.parts or path.is_absolute() or ".." in path.parts or "\0" in name:
        raise ValueError(f"{name!r} leads out of {directory}")
    found = directory / path
    if not found.resolve().is_relative_to(directory.resolve()):  # through a link
        raise ValueError(f"{name!r} leads out of {directory}")
    return found


def _replace(path: Path, parcel: Parcel) -> None:
    """Replace a file atomically."""
    partial = path.with_name(f".{path.name}.partial")
    unpack(parcel, partial)
    with partial.open("rb") as file:
        os.fsync(file.fileno())
    partial.replace(path)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
