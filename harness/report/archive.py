"""The runs of a suite in one small file: their journals, and their completions from the last test evaluation."""

import io
import json
import lzma
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pyarrow as pa
from pydantic import TypeAdapter, ValidationError

from evaluators.atomic import replacement
from evaluators.statistics.accuracy import SampleRecord, uncompressed
from evaluators.tasks import generates
from harness.errors import HarnessError, one_line
from harness.records.events import Event
from harness.records.journal import JOURNAL, parse
from harness.records.out_dir import OutDir
from harness.records.results import RunResult, read_results, start_of
from harness.report.sources import completions_of_run, last_table
from harness.report.untrusted import Unreadable, files_of

ARCHIVE = "runs.tar.xz"
"""The name of the archive in the folder of the suite."""
INDEX = "runs.json"
"""The first entry of the archive. It lists all run ids, because tar cannot tell a truncated file from a shorter one."""
RUN_IDS = TypeAdapter(list[str])
PACKING = [{"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "lc": 4, "pb": 0}]
"""For texts: the context of a byte is the byte before it, and not its place."""


def write_archive(out_dir: OutDir, suite: str, path: Path, *, force: bool = False, public: bool = False) -> int:
    """Write all runs of a suite, and return their number. The same runs give the same bytes.

    The journals come first, so that a leaderboard does not have to unpack the completions. Only ``harness compare``
    shows these. A ``public`` archive leaves out the questions and expected answers of problems that the task does not
    generate: they belong to others, and published test problems end up in the training data of models. Completions
    stay, and correct ones contain the answer.

    Raises:
        HarnessError: there is no run, the completions of a run are missing or damaged, ``path`` cannot be written, or
            the new archive would lack runs of an existing one and ``force`` is not set.
    """
    runs = list(out_dir.runs(suite))
    if not runs:
        raise HarnessError(f"there are no runs of the suite {suite} under {out_dir.root}; give another --out")
    refuse_losing(path.parent, [run.name for run in runs], force=force)
    finished = [run for run in read_results(out_dir.journals(suite)) if run.test]
    tables = [out_dir.run(suite, run.run_id) / last_table(run) for run in finished]
    if gone := [table for table in tables if not table.is_file()]:
        raise HarnessError(f"{gone[0]} is missing; repeat that run with --fresh")
    try:
        with (
            replacement(path) as new,
            lzma.open(new, "wb", filters=PACKING) as file,
            tarfile.open(fileobj=file, mode="w") as archive,
        ):
            _add(archive, INDEX, json.dumps([run.name for run in runs]).encode())
            for directory in runs:
                _add(archive, f"{directory.name}/{JOURNAL}", (directory / JOURNAL).read_bytes())
            for run, table in zip(finished, tables, strict=True):
                withheld = public and not generates(run.config.task.name)
                _add(archive, f"{run.run_id}/{last_table(run)}", _completions(table, withhold=withheld))
    except OSError as error:
        raise HarnessError(f"cannot write {path}: {error}; free some space or give another --out") from error
    return len(runs)


def _completions(table: Path, *, withhold: bool) -> bytes:
    try:
        return uncompressed(table, withhold=withhold)
    except (pa.ArrowException, OSError) as error:
        raise HarnessError(f"{table} is damaged ({one_line(error)}); repeat that run with --fresh") from error


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    archive.addfile(entry, io.BytesIO(content))


def archived(path: Path) -> list[str]:
    """The ids of the runs in an archive; empty if there is no file.

    Raises:
        HarnessError: the file is not an archive of runs.
    """
    if not path.is_file():
        return []
    return ArchiveSource(path, path.parent.name).run_ids()


def refuse_losing(folder: Path, kept: Iterable[str], *, force: bool) -> None:
    """Refuse to replace a published leaderboard or archive in ``folder`` by one that lacks some of its runs.

    ``kept``: the ids of the runs that would be written.

    Raises:
        HarnessError: some runs of the archive in ``folder`` are not in ``kept``, and ``force`` is not set.
    """
    published = [] if force else archived(folder / ARCHIVE)
    if lost := sorted(set(published) - set(kept)):
        raise HarnessError(
            f"{folder} holds {len(published)} published runs, and {len(lost)} of them would be lost, for example "
            f"{lost[0]}; give another --out, or --force to replace them"
        )


class ArchiveSource:
    """The runs of one suite in a file that :func:`write_archive` made."""

    def __init__(self, path: Path, suite: str) -> None:
        self._path, self._suite = path, suite

    def run_ids(self) -> list[str]:
        """The ids of the runs."""
        return self._index(self._files())

    def results(self) -> list[RunResult]:
        """All runs of the archive.

        Raises:
            HarnessError: the file is not an archive of runs, or it belongs to another suite.
        """
        results = read_results(self._journals())
        if other := {run.config.suite for run in results} - {self._suite}:
            raise HarnessError(f"{self._path} holds runs of {', '.join(sorted(other))}, not of {self._suite}")
        return results

    def completions(self, run: RunResult) -> list[SampleRecord]:
        wanted = f"{run.run_id}/{last_table(run)}"
        for name, content in self._files():
            if name == wanted:
                return completions_of_run(run, content)
        raise HarnessError(f"{self._path} has no {wanted}")

    def links(self, runs: Sequence[RunResult]) -> dict[str, str]:
        return {}

    def _journals(self) -> Iterator[list[Event]]:
        files = self._files()
        for run_id in self._index(files):
            name, content = next(files, ("", b""))
            if name != f"{run_id}/{JOURNAL}":
                raise self._damaged(f"the journal of {run_id} is missing")
            events = parse(content, f"{self._path}:{name}")
            if not events or start_of(events).run_id != run_id:
                raise self._damaged(f"the journal of {run_id} belongs to another run")
            yield events

    def _index(self, files: Iterator[tuple[str, bytes]]) -> list[str]:
        name, content = next(files, ("", b""))
        if name != INDEX:
            raise self._damaged(f"it does not begin with {INDEX}")
        try:
            return RUN_IDS.validate_json(content, strict=True)
        except ValidationError as error:
            raise self._damaged(f"its {INDEX} is not a list of run ids") from error

    def _files(self) -> Iterator[tuple[str, bytes]]:
        if not self._path.exists():
            raise HarnessError(f"there is no file {self._path}; harness export and harness publish write runs.tar.xz")
        try:
            yield from files_of(self._path)
        except Unreadable as error:
            raise self._damaged(str(error)) from error

    def _damaged(self, why: str) -> HarnessError:
        return HarnessError(f"{self._path} is not an archive of runs, or is damaged: {why}; harness export writes one")
