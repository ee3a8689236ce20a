"""Several processes write to one store at once. Nothing is stored twice, and nothing is lost."""

import shutil
from pathlib import Path

from harness.launch.syncing import sync_suite
from harness.records.out_dir import OutDir
from harness.tracking.writer import Writer
from tests.support.faults import late_runs
from tests.support.processes import typed
from tests.support.published import published
from tests.support.small import SUITE, journal_of


def test_two_syncs_of_one_directory(store: OutDir, tmp_path: Path) -> None:
    both = [typed(["sync"], store.root, fault=late_runs) for _ in range(2)]
    assert [one.code() for one in both] == [0, 0], [one.stderr for one in both]
    undisturbed = f"sqlite:///{tmp_path}/undisturbed.db"
    sync_suite(Writer(undisturbed, SUITE, tmp_path), store, SUITE, list(store.runs()))
    assert published(store.tracking_uri) == published(undisturbed)


def test_the_same_run_in_two_directories(store: OutDir, tmp_path: Path) -> None:
    """They write in turn, and one started later. Each has a complete run of its own."""
    run, _ = store.runs()
    whole = (run / "journal.jsonl").read_bytes().splitlines(keepends=True)
    other = OutDir(tmp_path / "other")
    twin = other.run(SUITE, run.name)
    shutil.copytree(run, twin)
    created = repr(journal_of(run)[0]["clock"]["time"])
    later = [whole[0].replace(created.encode(), repr(float(created) + 60).encode()), *whole[1:]]
    writers = [Writer(store.tracking_uri, SUITE, one.root) for one in (store, other)]
    for count in (4, 7, len(whole)):
        for directory, lines, writer in ((run, whole, writers[0]), (twin, later, writers[1])):
            (directory / "journal.jsonl").write_bytes(b"".join(lines[:count]))
            writer.publish(directory, running=count < len(whole))
    for root, lines in ((store, whole), (other, later)):
        _, _, count, histories, files = published(store.tracking_uri, root.identity())[run.name]
        assert count == str(len(whole)) and files["journal.jsonl"] == b"".join(lines)
        assert [step for step, *_ in histories["train/reward_mean"]] == [16, 32, 48, 64, 80, 96]
