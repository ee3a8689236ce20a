"""The runs of a suite in one file. It gives the same reports, and no other file is taken for it."""

import io
import lzma
import re
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from evaluators.statistics.accuracy import read_records
from harness.config.suites import load_suite
from harness.errors import HarnessError
from harness.records.out_dir import OutDir
from harness.report.archive import ArchiveSource, write_archive
from harness.report.commands import make_comparison, make_leaderboard
from harness.report.numbers.selection import Selection
from harness.report.pages.writing import FILES
from harness.report.sources import JournalSource, last_table
from harness.report.untrusted import files_of
from harness.terminal import Terminal
from tests.support.command_line import refused

SUITE = "tiny-arithmetic"


def test_reports_from_the_archive_are_those_from_the_journals(store: OutDir, tmp_path: Path) -> None:
    """Everything is the same except the links, which lead to the source."""
    archive, suite = tmp_path / "runs.tar.xz", load_suite(SUITE)
    assert write_archive(store, SUITE, archive) == 2
    made: list[dict[str, bytes]] = []
    for sources, out in (([], store.root), ([str(archive)], tmp_path / "again")):
        make_leaderboard(suite, Selection(), sources, out, Terminal(quiet=True))
        make_comparison(suite, ("agro", "grpo"), None, Selection(), sources, out, Terminal(quiet=True))
        files = [OutDir(out).suite(SUITE) / name for name in (*FILES, "compare.html")]
        contents = {file.name: file.read_bytes() for file in files if file.is_file()}
        made.append({name: re.sub(rb'<a href="runs/[^"]*">([^<]*)</a>', rb"\1", b) for name, b in contents.items()})
    assert len(made[0]) == 11
    assert made[0] == made[1]


def test_the_same_runs_are_the_same_bytes(store: OutDir, tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_archive(store, SUITE, tmp_path / name)
        for run in store.runs(SUITE):
            (run / "journal.jsonl").touch()
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_completions_are_those_of_the_runs_and_compressed_once(store: OutDir, tmp_path: Path) -> None:
    """xz finds little in what parquet has compressed already."""
    write_archive(store, SUITE, tmp_path / "runs.tar.xz")
    tables = {name: content for name, content in files_of(tmp_path / "runs.tar.xz") if name.endswith(".parquet")}
    assert len(tables) == 2
    for name, content in tables.items():
        group = pq.ParquetFile(io.BytesIO(content)).metadata.row_group(0)
        assert {group.column(place).compression for place in range(group.num_columns)} == {"UNCOMPRESSED"}
        assert read_records(io.BytesIO(content)) == read_records(store.suite(SUITE) / "runs" / name)


def test_a_run_under_way_is_kept_without_completions(store: OutDir, tmp_path: Path) -> None:
    first, _ = store.runs(SUITE)
    lines = (first / "journal.jsonl").read_bytes().splitlines(keepends=True)
    (first / "journal.jsonl").write_bytes(b"".join(lines[:4]))
    write_archive(store, SUITE, tmp_path / "runs.tar.xz")
    found = ArchiveSource(tmp_path / "runs.tar.xz", SUITE).results()
    assert sorted(run.status for run in found) == ["finished", "unfinished"]
    assert found == JournalSource(store, SUITE).results()


def test_what_is_no_such_archive_is_one_sentence(store: OutDir, tmp_path: Path) -> None:
    path = tmp_path / "runs.tar.xz"
    write_archive(store, SUITE, path)
    whole = path.read_bytes()
    command = ["leaderboard", "--suite", SUITE, "--from", str(path), "--out", str(tmp_path)]
    for content in (b"", b"text", whole[: len(whole) // 2]):
        path.write_bytes(content)
        refused(command, str(path), "export")
    path.unlink()
    refused(command, str(path), "there is no file", "export")
    path.write_bytes(whole)
    (tmp_path / "folder").mkdir()
    with pytest.raises(HarnessError, match="cannot write"):
        write_archive(store, SUITE, tmp_path / "folder")
    other = ["leaderboard", "--suite", "smollm2-gsm8k", "--from", str(path), "--out", str(tmp_path)]
    refused(other, "tiny-arithmetic", "not of smollm2-gsm8k")


def test_a_cut_archive_is_never_taken_for_a_smaller_one(store: OutDir, tmp_path: Path) -> None:
    """This holds wherever it is cut. tar takes the end of a file inside a header for the end of the archive."""
    path = tmp_path / "runs.tar.xz"
    write_archive(store, SUITE, path)
    whole = lzma.decompress(path.read_bytes())
    everything = ArchiveSource(path, SUITE).results()
    for end in range(0, len(whole), 256):
        path.write_bytes(lzma.compress(whole[:end], preset=0))
        try:
            assert ArchiveSource(path, SUITE).results() == everything, end
        except HarnessError as error:
            assert "damaged" in str(error)


def test_what_cannot_be_exported_is_one_sentence(store: OutDir, tmp_path: Path) -> None:
    refused(["export", "--suite", SUITE, "--out", str(tmp_path)], "there are no runs of the suite tiny-arithmetic")
    (run, _) = JournalSource(store, SUITE).results()
    table = store.run(SUITE, run.run_id) / last_table(run)
    table.write_bytes(table.read_bytes()[:-9])
    with pytest.raises(HarnessError, match=r"test-.*parquet is damaged .*--fresh"):
        write_archive(store, SUITE, tmp_path / "runs.tar.xz")
    table.unlink()
    with pytest.raises(HarnessError, match=r"test-.*parquet is missing"):
        write_archive(store, SUITE, tmp_path / "runs.tar.xz")


@pytest.mark.parametrize(
    "command", [["leaderboard"], ["compare", "agro", "grpo"], ["staleness"], ["replicate"]], ids=lambda words: words[0]
)
def test_an_archive_that_is_not_there_is_told_as_such(command: list[str], tmp_path: Path) -> None:
    """It is not reported as a damaged archive with an error number of the operating system."""
    path = str(tmp_path / "none.tar.xz")
    said = refused([*command, "--suite", SUITE, "--from", path, "--out", str(tmp_path)], path, "there is no file")
    assert "Errno" not in said and "damaged" not in said
