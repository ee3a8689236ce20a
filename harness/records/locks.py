"""Locks of directories. Only one process holds a directory at a time."""

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.errors import HarnessError

LOCK = "lock"
LOCK_PATIENCE = 10.0
"""Seconds to wait for a run that another process is about to release."""


def is_locked(directory: Path) -> bool:
    """Whether a process holds the run."""
    try:
        with (directory / LOCK).open("r") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


@contextmanager
def locked(directory: Path, patience: float = LOCK_PATIENCE) -> Iterator[None]:
    """Lock a run directory. The lock is released when the process ends, in any way.

    Raises:
        HarnessError: another process holds the directory, or it cannot be written.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        file = (directory / LOCK).open("w")
    except OSError as error:
        raise HarnessError(f"cannot write to {directory}: {error.strerror}; choose another --out") from error
    with file:
        deadline = time.monotonic() + patience
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() > deadline:
                    raise HarnessError(
                        f"another process is training {directory}; wait for it, or stop it first"
                    ) from error
                time.sleep(0.1)
        yield
