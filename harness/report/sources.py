"""Sources of runs for a report: the journals under a results directory, or an MLflow store."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

from evaluators.statistics.accuracy import SampleRecord
from harness.errors import HarnessError
from harness.records.out_dir import OutDir, completions_of
from harness.records.possible import check_completions
from harness.records.results import RunResult, read_results
from harness.report.untrusted import Unreadable, table_of


class Source(Protocol):
    """A place that holds runs of one suite."""

    def results(self) -> list[RunResult]:
        """All runs that have started, in a fixed order."""
        ...

    def completions(self, run: RunResult) -> list[SampleRecord]:
        """All completions of the last test evaluation."""
        ...

    def links(self, runs: Sequence[RunResult]) -> dict[str, str]:
        """Addresses of runs by run id, as links for a page in the folder of the suite."""
        ...


class JournalSource:
    """The run directories of a suite."""

    def __init__(self, out_dir: OutDir, suite: str) -> None:
        self._out_dir, self._suite = out_dir, suite

    def results(self) -> list[RunResult]:
        return read_results(self._out_dir.journals(self._suite))

    def completions(self, run: RunResult) -> list[SampleRecord]:
        path = self._out_dir.run(self._suite, run.run_id) / last_table(run)
        if not path.is_file():
            raise HarnessError(f"the completions of {run.run_id} are missing: it has no {last_table(run)}")
        return completions_of_run(run, path)

    def links(self, runs: Sequence[RunResult]) -> dict[str, str]:
        return {run.run_id: f"runs/{run.run_id}/" for run in runs}


class MlflowSource:
    """The runs of a suite in an MLflow store.

    Raises:
        HarnessError: from each method, if the store cannot be reached or refuses access.
    """

    def __init__(self, uri: str, suite: str) -> None:
        from harness.tracking.reaching import reaching  # takes seconds, and only this source needs MLflow
        from harness.tracking.reader import Reader

        self._reaching = partial(reaching, uri)
        with self._reaching():
            self._reader = Reader(uri, suite)

    def results(self) -> list[RunResult]:
        with self._reaching():
            return read_results(self._reader.journals())

    def completions(self, run: RunResult) -> list[SampleRecord]:
        with self._reaching(), TemporaryDirectory() as folder:
            return completions_of_run(run, self._reader.download(run.run_id, last_table(run), Path(folder)))

    def links(self, runs: Sequence[RunResult]) -> dict[str, str]:
        with self._reaching():
            found = {run.run_id: self._reader.address(run.run_id) for run in runs}
        return {run_id: address for run_id, address in found.items() if address}


def completions_of_run(run: RunResult, table: Path | bytes) -> list[SampleRecord]:
    """The completions in the last table of a finished run. They must match the verdicts in its journal.

    Raises:
        HarnessError: they do not match, or the file is not a table of completions.
    """
    assert run.test
    try:
        records = table_of(table)
    except Unreadable as error:
        raise HarnessError(
            f"the completions of {run.run_id} cannot be read: {error}; repeat that run with --fresh"
        ) from error
    check_completions(run.run_id, run.config.task.grading, run.test, records)
    return records


def last_table(run: RunResult) -> str:
    """The path, in the folder of a finished run, of the completions from its last test evaluation."""
    assert run.test
    return completions_of("test", run.test.step)
