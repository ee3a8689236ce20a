"""Runs that go on in another place, or with other code."""

import shutil
from pathlib import Path

import pytest

from harness.config.run_config import RunConfig
from harness.errors import HarnessError
from harness.launch.syncing import sync_suite
from harness.records.events import Resumed
from harness.records.journal import Journal
from harness.records.out_dir import OutDir
from harness.records.provenance import versions
from harness.records.results import read_results
from harness.report.sources import MlflowSource
from harness.tracking.writer import Writer
from tests.support.published import published
from tests.support.small import SUITE, assert_same_run, history, run_small, small_config

BY = "harness.training.open_run.versions"


def leave(config: RunConfig, directory: Path, after: int) -> None:
    left = iter(range(after))
    assert run_small(config, directory, should_stop=lambda: next(left, None) is None) == "interrupted"


def sync(out: OutDir) -> None:
    sync_suite(Writer(out.tracking_uri, SUITE, out.root), out, SUITE, list(out.runs()))


@pytest.mark.parametrize("whole", [False, True])
def test_a_directory_that_was_moved(
    whole: bool, small_runs: dict[str, Path], empty_store: Path, tmp_path: Path
) -> None:
    """The directory was moved with its store, but without the artifacts: during a run, and after its end."""
    out, config = OutDir(tmp_path / "out"), small_config("agro")
    out.prepare()
    shutil.copy(empty_store, out.root)
    run_small(config, out.run_of(config)) if whole else leave(config, out.run_of(config), 4)
    sync(out)
    moved = OutDir(tmp_path / "elsewhere" / "out")
    shutil.move(out.root, moved.root)
    run_small(config, moved.run_of(config))
    assert_same_run(moved.run_of(config), small_runs["agro"])
    sync(moved)
    status, _, _, histories, files = published(moved.tracking_uri)[config.run_id]
    assert status == "FINISHED" and len(histories["train/reward_mean"]) == 6
    assert files["journal.jsonl"] == (moved.run_of(config) / "journal.jsonl").read_bytes()
    assert len(files) == 2 + len(list((moved.run_of(config) / "evaluations").iterdir()))  # and the table for readers
    assert not out.root.exists()
    (result,) = MlflowSource(moved.tracking_uri, SUITE).results()
    assert result.status == "finished"


@pytest.mark.parametrize("what", ["commit", "numpy"])
def test_other_code_that_takes_a_run_up(
    what: str, small_runs: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each stretch is recorded, and no other record changes."""
    config, others = small_config("agro"), versions() | {what: "another"}
    leave(config, tmp_path, 1)
    with monkeypatch.context() as patched:
        patched.setattr(BY, lambda: others)
        leave(config, tmp_path, 5)  # after a checkpoint
    assert run_small(config, tmp_path) == "finished"
    events = Journal(tmp_path).read()
    assert [event.versions for event in events if isinstance(event, Resumed)] == [others, versions()]
    assert [line for line in history(tmp_path) if line["event"] != "resumed"] == history(small_runs["agro"])
    (result,) = read_results([events])
    assert result.later == (others, versions())


def test_another_grader_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = small_config("agro")
    leave(config, tmp_path, 4)
    before = (tmp_path / "journal.jsonl").read_bytes()
    monkeypatch.setattr(BY, lambda: versions() | {"grader": "another"})
    with pytest.raises(
        HarnessError, match=r"was started with grader .*, but the current grader is another.*; start again with --fresh"
    ):
        run_small(config, tmp_path)
    assert (tmp_path / "journal.jsonl").read_bytes() == before
