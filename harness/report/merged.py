"""Runs of a suite from several archives, folders and MLflow stores, as if they were in one place."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from evaluators.statistics.accuracy import SampleRecord
from harness.errors import HarnessError
from harness.records.events import Evaluation, lasting
from harness.records.out_dir import OutDir
from harness.records.results import Point, RunResult
from harness.report.archive import ARCHIVE, ArchiveSource
from harness.report.sources import JournalSource, MlflowSource, Source

DATABRICKS = "databricks"
"""The name of an MLflow store that is not an address."""


class MergedSource:
    """The runs of several sources. If a run is in two of them, the copy that has got further counts."""

    def __init__(self, sources: Mapping[str, Source]) -> None:
        self._sources = sources
        self._from: dict[str, Source] = {}
        """The source of each run, by run id. Empty until :meth:`results` has read the runs."""

    def results(self) -> list[RunResult]:
        """All runs, in the order of their ids.

        Raises:
            HarnessError: two sources hold different runs with the same id.
        """
        found: dict[str, tuple[str, RunResult]] = {}
        for name, source in self._sources.items():
            for run in source.results():
                other, before = found.get(run.run_id, (name, run))
                if difference := _difference(before, run):
                    raise HarnessError(
                        f"{run.run_id} in {other} and in {name} are not the same run: {difference} differs; leave one "
                        "of the two sources out"
                    )
                if run.run_id not in found or _further(run, before):
                    found[run.run_id] = (name, run)
        self._from = {key: self._sources[name] for key, (name, _) in found.items()}
        return [found[key][1] for key in sorted(found)]

    def completions(self, run: RunResult) -> list[SampleRecord]:
        return self._from[run.run_id].completions(run)

    def links(self, runs: Sequence[RunResult]) -> dict[str, str]:
        return {
            key: address
            for source in self._sources.values()
            for key, address in source.links([run for run in runs if self._from[run.run_id] is source]).items()
        }


class FolderSource(JournalSource):
    """Run directories outside the folder where pages are written. Pages have no links to them."""

    def links(self, runs: Sequence[RunResult]) -> dict[str, str]:
        return {}


def open_source(suite: str, names: Sequence[str], out: Path) -> Source:
    """The source of a suite's runs: those in ``names``, or the journals under ``out`` if there are no names.

    Each name is an archive of runs, a folder that was ``--out`` or that holds published results, or an MLflow store.

    Raises:
        HarnessError: a source does not exist, or holds something else.
    """
    if not names:
        return JournalSource(OutDir(out), suite)
    opened = {name: _open(suite, name) for name in names}
    return next(iter(opened.values())) if len(opened) == 1 else MergedSource(opened)


def _open(suite: str, name: str) -> Source:
    path = Path(name)
    if name.endswith(".tar.xz") or path.is_file():
        return ArchiveSource(path, suite)
    if (path / suite / "runs").is_dir():
        return FolderSource(OutDir(path), suite)
    if (path / suite / ARCHIVE).is_file():
        return ArchiveSource(path / suite / ARCHIVE, suite)
    if path.is_dir() and not _is_store(path):
        raise HarnessError(f"{name} has no runs of the suite {suite}: there is no folder {path / suite / 'runs'}")
    if ":" not in name and not path.exists() and name != DATABRICKS:
        raise HarnessError(f"there is no folder {name}; --from takes a folder, an archive or an MLflow store")
    return MlflowSource(name, suite)


def _is_store(path: Path) -> bool:
    """Whether this folder is a file store of MLflow."""
    return any(path.glob("*/meta.yaml"))


def _further(run: RunResult, than: RunResult) -> bool:
    return (run.status != "unfinished", len(run.curve)) > (than.status != "unfinished", len(than.curve))


def _difference(one: RunResult, other: RunResult) -> str:
    """What differs between two executions of a run, other than times. Empty if they agree.

    Parts that one of them has not reached yet are not compared.
    """
    shared = min(len(one.curve), len(other.curve))
    pairs: dict[str, tuple[object, object]] = {
        "the config": (one.config.identity(), other.config.identity()),
        "model, problems or prompts": (one.identity, other.identity),
        "the grader": (one.grader, other.grader),
        "the test before training": (_lasting(one.start), _lasting(other.start)),
        "the validation curve": (_timeless(one.curve[:shared]), _timeless(other.curve[:shared])),
        "the test after training": (_lasting(one.test), _lasting(other.test)),
    }
    if "unfinished" not in (one.status, other.status):
        pairs["how it ended"] = (one.status, other.status)
    return next((what for what, (mine, theirs) in pairs.items() if None not in (mine, theirs) and mine != theirs), "")


def _lasting(evaluation: Evaluation | None) -> dict[str, Any] | None:
    return lasting(evaluation) if evaluation else None


def _timeless(curve: Sequence[Point]) -> list[Point]:
    return [replace(p, spent={unit: value for unit, value in p.spent.items() if unit != "seconds"}) for p in curve]
