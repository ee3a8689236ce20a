"""Runs of a suite from several places as if they lay in one: archives, folders, MLflow stores."""

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
"""A store of MLflow that is no address."""


class MergedSource:
    """The runs of several sources. Of a run that is in two of them, what has gone further is taken."""

    def __init__(self, sources: Mapping[str, Source]) -> None:
        self._sources = sources
        self._from: dict[str, Source] = {}
        """By run id, once :meth:`results` has read them."""

    def results(self) -> list[RunResult]:
        """All runs, in the order of their ids.

        Raises:
            HarnessError: two sources hold runs of the same id that are not the same.
        """
        found: dict[str, tuple[str, RunResult]] = {}
        for name, source in self._sources.items():
            for run in source.results():
                other, before = found.get(run.run_id, (name, run))
                if difference := _difference(before, run):
                    raise HarnessError(
                        f"{run.run_id} is in {other} and in {name}, and not the same: {difference} differs; leave one "
                        "of the two out"
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
    """Run directories elsewhere than where pages are written: these do not link to them."""

    def links(self, runs: Sequence[RunResult]) -> dict[str, str]:
        return {}


def open_source(suite: str, names: Sequence[str], out: Path) -> Source:
    """Where a suite's runs are: the journals under ``out`` where nothing else is named.

    Each name is an archive of runs, a folder that was ``--out`` or holds published results, or an MLflow store.

    Raises:
        HarnessError: one of them is not there, or holds something else.
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
        raise HarnessError(f"{name} holds no runs of the suite {suite}: there is no {path / suite / 'runs'}")
    if ":" not in name and not path.exists() and name != DATABRICKS:
        raise HarnessError(f"there is no folder {name}; --from takes a folder, an archive or an MLflow store")
    return MlflowSource(name, suite)


def _is_store(path: Path) -> bool:
    """Whether MLflow keeps its records in files of this folder."""
    return any(path.glob("*/meta.yaml"))


def _further(run: RunResult, than: RunResult) -> bool:
    return (run.status != "unfinished", len(run.curve)) > (than.status != "unfinished", len(than.curve))


def _difference(one: RunResult, other: RunResult) -> str:
    """What tells two executions of a run apart that a clock does not explain; nothing where there is nothing.

    Of what one of them has not come to yet, nothing is said.
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
