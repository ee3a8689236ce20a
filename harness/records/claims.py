"""Claims: only one invocation at a time may train a run, so starting the same command twice does no harm.

Each invocation keeps a locked file with the ids of its runs while its process lives. So a claim ends with its process,
and a sweep of a thousand runs needs only one file.
"""

import json
import os
import shutil
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from uuid import uuid4

from harness.errors import HarnessError
from harness.records.locks import is_locked, locked

FOLDER = "claims"
CLAIM = "claim.json"
PATIENCE = 60.0
"""Seconds to wait while other processes read the claims."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """The claim of a process on some runs."""

    process: int
    host: str
    command: str
    runs: tuple[str, ...]


@contextmanager
def claimed(suite: Path, runs: Sequence[str], command: str) -> Iterator[None]:
    """Claim runs of a suite's folder by their ids, for the duration of the context.

    Raises:
        HarnessError: another invocation has claimed one of them. The message names it.
    """
    own = Claim(process=os.getpid(), host=socket.gethostname(), command=command, runs=tuple(runs))
    folder = suite / FOLDER
    place = folder / uuid4().hex
    with ExitStack() as held:
        with locked(folder, patience=PATIENCE):  # no other process reads or claims meanwhile
            _refuse_held(folder, runs)
            held.enter_context(locked(place))
            held.callback(shutil.rmtree, place, ignore_errors=True)  # another process may be deleting it, too
            (place / CLAIM).write_text(json.dumps(asdict(own)) + "\n", encoding="utf-8")
        yield


def _refuse_held(folder: Path, runs: Sequence[str]) -> None:
    """Refuse runs that a living process has claimed. Claims of dead processes are deleted."""
    for path in sorted(folder.glob(f"*/{CLAIM}")):
        if not is_locked(path.parent):
            shutil.rmtree(path.parent, ignore_errors=True)
            continue
        try:
            other = Claim(**json.loads(path.read_text(encoding="utf-8")))
        except FileNotFoundError:  # its process has ended since the glob
            continue
        if both := sorted(set(other.runs) & set(runs)):
            more = f" and {len(both) - 1} more" if len(both) > 1 else ""
            raise HarnessError(
                f"{both[0]}{more} is being run by process {other.process} on {other.host} ({other.command}); wait "
                "until it has ended, or stop it first"
            )
