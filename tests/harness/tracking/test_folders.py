"""The real MLflow with several folders of runs, or with a run that was started again."""

import shutil
from pathlib import Path

from harness.launch.syncing import sync_suite
from harness.records.out_dir import OutDir
from harness.records.results import start_of
from harness.report.sources import MlflowSource
from harness.tracking.reader import Reader
from harness.tracking.writer import Writer
from tests.support.command_line import two_runs
from tests.support.published import contents, published
from tests.support.small import SUITE, journal_of


def test_a_run_started_over_replaces_its_older_self(store: OutDir) -> None:
    run = next(store.runs())
    publisher = Writer(store.tracking_uri, SUITE, store.root)
    publisher.publish(run, running=False)
    journal = run / "journal.jsonl"
    created = journal_of(run)[0]["clock"]["time"]
    journal.write_text(journal.read_text().replace(repr(created), repr(created + 60), 1))
    publisher.publish(run, running=False)
    assert len([run for run in contents(store.tracking_uri).values() if run[1]]) == 1


def test_the_same_run_in_two_directories_is_two_runs_of_one_store(store: OutDir, tmp_path: Path) -> None:
    """Neither directory deletes what the other has published. A report takes the run that started last."""
    other = OutDir(tmp_path / "other")
    run = next(store.runs())
    copy = shutil.copytree(run, other.root / run.relative_to(store.root))
    created = journal_of(run)[0]["clock"]["time"]
    journal = copy / "journal.jsonl"
    journal.write_text(journal.read_text().replace(repr(created), repr(created + 60), 1))
    found = []
    for _ in range(2):
        for directory in (other, store):
            writer = Writer(store.tracking_uri, SUITE, directory.root)
            sync_suite(writer, directory, SUITE, [next(directory.runs())])
        found.append(contents(store.tracking_uri))
    assert len([params for _, params, _, _ in found[0].values() if params]) == 2
    assert found[0] == found[1]
    journal.write_text(journal.read_text().replace(repr(created + 60), repr(created + 90), 1))  # started anew
    sync_suite(Writer(store.tracking_uri, SUITE, other.root), other, SUITE, [copy])
    assert len([params for _, params, _, _ in contents(store.tracking_uri).values() if params]) == 2
    (events,) = Reader(store.tracking_uri, SUITE).journals()
    assert start_of(events).time == created + 90


def test_a_copy_that_has_not_gone_on_changes_nothing(store: OutDir, tmp_path: Path) -> None:
    run = next(store.runs())
    copy = shutil.copytree(run, tmp_path / "other" / run.relative_to(store.root))
    lines = (copy / "journal.jsonl").read_bytes().splitlines(keepends=True)
    (copy / "journal.jsonl").write_bytes(b"".join(lines[:6]))
    Writer(store.tracking_uri, SUITE, store.root).publish(run, running=False)
    before = published(store.tracking_uri)
    Writer(store.tracking_uri, SUITE, tmp_path / "other").publish(copy, running=False)
    assert published(store.tracking_uri) == before


def test_two_first_users_of_a_store_wait_for_each_other(tmp_path: Path) -> None:
    """They run in two directories. The lock belongs to the store, not to the directory."""
    uri = f"sqlite:///{tmp_path / 'shared.db'}"
    both = [two_runs(tmp_path / name / "out", "--tracking-uri", uri, "--seeds", f"{n},") for n, name in enumerate("ab")]
    assert [typed.code() for typed in both] == [0, 0]
    assert not any("cannot publish" in typed.stdout + typed.stderr for typed in both), [typed.stdout for typed in both]
    assert len(MlflowSource(uri, SUITE).results()) == 4
