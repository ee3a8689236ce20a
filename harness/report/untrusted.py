"""Reading files from untrusted sources with bounds on memory and time."""

import io
import lzma
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from evaluators.statistics.accuracy import SampleRecord, read_records
from harness.errors import one_line

MEMORY = 256 << 20
"""The most bytes that the decompressor may allocate. Archives of the harness need 65 MiB."""
LARGEST_ENTRY = 512 << 20
"""The most bytes of one file in an archive, and of the columns of a table in memory."""
LARGEST_ARCHIVE = 16 << 30
"""The most bytes of all files in an archive."""
MOST_ENTRIES = 200_000
CHUNK = 1 << 16


class Unreadable(Exception):
    """The file cannot be read. The message says why, in a few words."""


def files_of(archive: Path) -> Iterator[tuple[str, bytes]]:
    """Name and content of each file of a ``.tar.xz``, in order.

    Raises:
        Unreadable: the archive is damaged, holds anything but files, or exceeds the bounds.
    """
    try:
        with archive.open("rb") as file, tarfile.open(fileobj=_Unpacked(file), mode="r|") as entries:
            total = 0
            for count, entry in enumerate(entries, 1):
                total += entry.size
                if not entry.isfile():
                    raise Unreadable(f"{entry.name[:80]!r} is not a file")
                if entry.size > LARGEST_ENTRY or total > LARGEST_ARCHIVE or count > MOST_ENTRIES:
                    raise Unreadable(f"{entry.name[:80]!r} makes it larger than any archive of runs")
                content = entries.extractfile(entry)
                yield entry.name, content.read() if content else b""
    except (tarfile.TarError, lzma.LZMAError, EOFError, OSError, ValueError) as error:
        raise Unreadable(str(error)) from error


def table_of(content: bytes | Path) -> list[SampleRecord]:
    """The completions of a parquet file.

    Raises:
        Unreadable: the file is damaged, is another table, or exceeds the bounds when it is unpacked.
    """
    try:
        with pq.ParquetFile(content if isinstance(content, Path) else io.BytesIO(content)) as table:
            groups = [table.metadata.row_group(place) for place in range(table.metadata.num_row_groups)]
        if sum(group.total_byte_size for group in groups) > LARGEST_ENTRY:
            raise Unreadable("its columns are larger than those of any run")
        return read_records(content if isinstance(content, Path) else io.BytesIO(content))
    except (pa.ArrowException, OSError, ValueError, TypeError, KeyError) as error:
        raise Unreadable(f"not a table of completions: {one_line(error)[:120]}") from error


class _Unpacked(io.RawIOBase):
    """An xz stream that is unpacked as it is read. ``lzma.open`` would allocate whatever memory a header asks for."""

    def __init__(self, packed: io.BufferedReader) -> None:
        self._packed = packed
        self._lzma = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=MEMORY)

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        """At most ``size`` bytes; empty at the end."""
        if self._lzma.eof:
            return b""
        while True:
            packed = self._packed.read(CHUNK) if self._lzma.needs_input else b""
            if self._lzma.needs_input and not packed:
                raise EOFError("it ends too early")
            if found := self._lzma.decompress(packed, size):
                return found
            if self._lzma.eof:
                return b""
