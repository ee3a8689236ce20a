"""Files that other processes may read or write at the same time."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacement(path: Path) -> Iterator[Path]:
    """A new file beside ``path``, which takes its place at the end of the context.

    So readers see the old or the new content, never a part. If the context raises, ``path`` stays as it was. Each
    process has its own new file.
    """
    new = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        yield new
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)
