"""An archive from someone else is read within limits, whatever it contains, or refused by name."""

import io
import json
import lzma
import tarfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from evaluators.statistics.accuracy import SCHEMA
from harness.errors import HarnessError
from harness.records.journal import JOURNAL
from harness.records.out_dir import OutDir
from harness.report.archive import INDEX, ArchiveSource, write_archive
from harness.report.sources import last_table
from harness.report.untrusted import Unreadable, _Unpacked, files_of, table_of
from tests.support.command_line import refused
from tests.support.small import SUITE

Files = list[tuple[str, bytes]]


def packed(files: Sequence[tuple[str, bytes]], path: Path) -> Path:
    with tarfile.open(path, "w:xz", preset=0) as archive:
        for name, content in files:
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return path


@pytest.fixture
def files(store: OutDir, tmp_path: Path) -> Files:
    """The files of an archive with two runs."""
    write_archive(store, SUITE, tmp_path / "whole.tar.xz")
    return list(files_of(tmp_path / "whole.tar.xz"))


def changed(files: Files, name: str, content: bytes) -> Files:
    """The files, with other content for the first file whose name ends with ``name``."""
    place = next(place for place, (found, _) in enumerate(files) if found.endswith(name))
    return [*files[:place], (files[place][0], content), *files[place + 1 :]]


def altered(files: Files, event: str, change: Callable[[dict[str, Any]], None]) -> Files:
    """The files, with a change to the first event of this kind in the first journal."""
    place = next(place for place, (name, _) in enumerate(files) if name.endswith(JOURNAL))
    lines = [json.loads(line) for line in files[place][1].splitlines()]
    change(next(line for line in lines if line["event"] == event))
    return changed(files, JOURNAL, b"".join(json.dumps(line).encode() + b"\n" for line in lines))


DEEP = b"[" * 100_000
TAMPERED: dict[str, Callable[[Files], Files]] = {
    "an index of nothing": lambda files: changed(files, INDEX, b"null"),
    "an index of nulls": lambda files: changed(files, INDEX, b"[null, null]"),
    "an index of numbers": lambda files: changed(files, INDEX, b"[1, 2]"),
    "an index without end": lambda files: changed(files, INDEX, DEEP),
    "a journal of null": lambda files: changed(files, JOURNAL, b"null\n"),
    "a journal of lists": lambda files: changed(files, JOURNAL, b"[]\n"),
    "a journal of nulls": lambda files: changed(files, JOURNAL, b'{"event": null, "clock": null}\n'),
    "a clock that is a list": lambda files: changed(files, JOURNAL, b'{"event": "step", "clock": [], "spent": {}}\n'),
    "a journal without end": lambda files: changed(files, JOURNAL, DEEP + b"\n"),
    "no journal at all": lambda files: changed(files, JOURNAL, b""),
    "bytes for a journal": lambda files: changed(files, JOURNAL, b"\xff\xfe\x00\n"),
    "another run's journal": lambda files: changed(files, JOURNAL, files[2][1]),
    "FLOPs of null": lambda files: altered(files, "step", lambda line: line["spent"].update(flops=None)),
    "seconds that are a word": lambda files: altered(
        files, "step", lambda line: line["clock"].update(seconds_training="long")
    ),
    "a format that is a text": lambda files: changed(
        files, JOURNAL, json.dumps(json.loads(files[1][1].splitlines()[0]) | {"format": "x"}).encode() + b"\n"
    ),
}


@pytest.mark.parametrize("tampered", TAMPERED.values(), ids=TAMPERED)
def test_what_was_tampered_with_is_one_sentence(
    tampered: Callable[[Files], Files], files: Files, tmp_path: Path
) -> None:
    path = packed(tampered(files), tmp_path / "runs.tar.xz")
    refused(["leaderboard", "--suite", SUITE, "--from", str(path), "--out", str(tmp_path / "out")], str(path))


def test_a_link_and_a_folder_are_no_runs(files: Files, tmp_path: Path) -> None:
    for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE):
        path = tmp_path / "runs.tar.xz"
        with tarfile.open(path, "w:xz", preset=0) as archive:
            entry = tarfile.TarInfo(INDEX)
            entry.type, entry.linkname = kind, "/etc/passwd"
            archive.addfile(entry)
        with pytest.raises(HarnessError, match=f"{path} is not an archive of runs.*is not a file"):
            ArchiveSource(path, SUITE).results()


def test_what_unpacks_to_more_than_any_archive_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the size that its header states."""
    path = tmp_path / "runs.tar.xz"
    entry = tarfile.TarInfo(INDEX)
    entry.size = 1 << 40
    path.write_bytes(lzma.compress(entry.tobuf() + bytes(1 << 24), preset=0))
    unpacked, read = [], _Unpacked.read
    monkeypatch.setattr(_Unpacked, "read", lambda self, size=-1: unpacked.append(found := read(self, size)) or found)
    with pytest.raises(HarnessError, match="larger than any archive of runs"):
        ArchiveSource(path, SUITE).results()
    assert sum(map(len, unpacked)) < 1 << 20


def test_a_decompressor_that_asks_for_gigabytes_does_not_get_them(tmp_path: Path) -> None:
    path = tmp_path / "runs.tar.xz"
    greedy = [{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 1 << 30}]
    path.write_bytes(lzma.compress(b"x" * 1000, filters=greedy))
    with pytest.raises(Unreadable, match=r"[Mm]emory"):
        list(files_of(path))


def test_completions_that_are_another_table_are_refused(files: Files, tmp_path: Path) -> None:
    other = io.BytesIO()
    pq.write_table(pa.table({"a": [1]}), other)
    for content in (b"", b"PAR1" * 100, other.getvalue()):
        with pytest.raises(Unreadable, match="not a table of completions"):
            table_of(content)
        name = next(name for name, _ in files if name.endswith(".parquet"))
        path = packed(changed(files, ".parquet", content), tmp_path / "runs.tar.xz")
        source = ArchiveSource(path, SUITE)
        run = next(run for run in source.results() if name == f"{run.run_id}/{last_table(run)}")
        with pytest.raises(HarnessError, match=f"the completions of {run.run_id} cannot be read"):
            source.completions(run)


def test_a_table_that_would_not_fit_is_refused_by_its_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    large = io.BytesIO()
    row = dict.fromkeys(SCHEMA.names, "x" * 1000) | {"sample": 0, "tokens": 1, "truncated": False}
    pq.write_table(pa.Table.from_pylist([row] * 100, schema=SCHEMA), large)
    monkeypatch.setattr("harness.report.untrusted.LARGEST_ENTRY", 100)
    with pytest.raises(Unreadable, match="larger than those of any run"):
        table_of(large.getvalue())
