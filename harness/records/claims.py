"""One invocation at a time carries a run: the same command typed twice does not tear the runs apart.

Each invocation holds a file that lists its runs, locked for as long as its process lives. So a claim ends with its
process, however that ends, and a sweep of a thousand runs holds one file.
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
"""Seconds that others may take to look through the claims."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """Who carries which runs."""

    process: int
    host: str
    command: str
    runs: tuple[str, ...]


@contextmanager
def claimed(suite: Path, runs: Sequence[str], command: str) -> Iterator[None]:
    """Hold these runs, by id, of the suite's folder.

    Raises:
        HarnessError: another invocation holds one of them; who, and what can be done.
    """
    own = Claim(process=os.getpid(), host=socket.gethostname(), command=command, runs=tuple(runs))
    folder = suite / FOLDER
    place = folder / uuid4().hex
    with ExitStack() as held:
        with locked(folder, patience=PATIENCE):  # nobody else looks or claims meanwhile
            _refuse_held(folder, runs)
            held.enter_context(locked(place))
            held.callback(shutil.rmtree, place)
            (place / CLAIM).write_text(json.dumps(asdict(own)) + "\n", encoding="utf-8")
        yield


def _refuse_held(folder: Path, runs: Sequence[str]) -> None:
    """Refuse runs that a living process has claimed, and forget what dead ones have."""
    for path in sorted(folder.glob(f"*/{CLAIM}")):
        if not is_locked(path.parent):
            shutil.rmtree(path.parent, ignore_errors=True)
            continue
        other = Claim(**json.loads(path.read_text(encoding="utf-8")))
        if both := sorted(set(other.runs) & set(runs)):
            more = f" and {len(both) - 1} more" if len(both) > 1 else ""
            raise HarnessError(
                f"{both[0]}{more} is being run by process {other.process} on {other.host} ({other.command}); wait "
                "until it has ended, or stop it first"
            )
