"""The costs of many runs: requests to the store, hashes, memory. Also tests several processes with one store."""

import json
import time
import tracemalloc
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

import harness.config.run_config
from harness.launch.syncing import SHARE, Syncing, sync_suite
from harness.records.out_dir import OutDir
from harness.records.results import read_results
from harness.report.pages.exports import by_problem_and_run
from harness.report.sources import MlflowSource
from harness.tracking import CREATED
from harness.tracking.writer import Writer
from tests.support.processes import FORKS
from tests.support.results import records_of, result, with_verdicts
from tests.support.small import INVOCATION, SUITE, journal_of


def test_publishing_takes_a_share_of_a_core_at_most(store: OutDir, monkeypatch: pytest.MonkeyPatch) -> None:
    """This holds however much there is to publish, because the command has to look after its runs."""
    monkeypatch.setattr("harness.launch.syncing.PUBLISH_EVERY", 0.01)
    spent: list[float] = []

    def publish(publishing: Syncing, publisher: Writer) -> None:
        before = time.thread_time()
        while time.thread_time() < before + 0.01:
            pass
        spent.append(time.thread_time() - before)

    monkeypatch.setattr(Syncing, "publish_changed", publish)
    publishing = Syncing(store.tracking_uri, store, SUITE, [], INVOCATION, print)
    publishing.start()
    while not spent:
        time.sleep(0.01)
    time.sleep(2)
    took = sum(spent)
    assert publishing.finish()
    assert took < 2 * SHARE + 0.25  # half of the time if nothing limited it


@pytest.fixture
def statements() -> Iterator[list[str]]:
    """All SQL that the databases of this process execute."""
    seen: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        seen.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    yield seen
    event.remove(Engine, "before_cursor_execute", note)


def test_a_run_that_has_not_changed_costs_the_store_no_question(store: OutDir, statements: list[str]) -> None:
    runs = list(store.runs())
    journal = runs[0] / "journal.jsonl"
    whole = journal.read_bytes()
    journal.write_bytes(b"".join(whole.splitlines(keepends=True)[:4]))
    publishing = Syncing(store.tracking_uri, store, SUITE, [*runs, store.root / "waits"], INVOCATION, print)
    publisher = Writer(store.tracking_uri, SUITE, store.root)
    publishing.publish_changed(publisher)
    statements.clear()
    for _ in range(3):
        publishing.publish_changed(publisher)
    assert not statements
    journal.write_bytes(whole)
    publishing.publish_changed(publisher)
    asked = len(statements)
    assert asked
    results = MlflowSource(store.tracking_uri, SUITE).results()
    assert [one.status for one in results] == ["finished"] * 2
    statements.clear()
    publisher.publish(runs[1], running=False)
    assert 0 < len(statements) < asked  # asked is the cost of both runs


def test_a_run_of_the_same_size_that_was_written_anew_is_published(store: OutDir) -> None:
    run = next(store.runs())
    publishing = Syncing(store.tracking_uri, store, SUITE, [run], INVOCATION, print)
    publisher = Writer(store.tracking_uri, SUITE, store.root)
    publishing.publish_changed(publisher)
    journal, created = run / "journal.jsonl", repr(journal_of(run)[0]["clock"]["time"])
    size, anew = journal.stat().st_size, "3" + created[1:]  # seconds since 1970
    journal.write_text(journal.read_text().replace(created, anew, 1))
    assert journal.stat().st_size == size
    publishing.publish_changed(publisher)
    (made,) = MlflowSource(store.tracking_uri, SUITE)._reader._runs.values()
    assert made.data.tags[CREATED] == repr(float(anew))


def test_reading_more_runs_asks_the_store_no_more(store: OutDir, statements: list[str]) -> None:
    runs, counts = list(store.runs()), []
    publisher = Writer(store.tracking_uri, SUITE, store.root)
    for number in (1, 2):
        sync_suite(publisher, store, SUITE, runs[:number])
        statements.clear()
        assert len(MlflowSource(store.tracking_uri, SUITE).results()) == number
        counts.append(len(statements))
    assert counts[0] == counts[1]


def test_reading_more_journals_takes_no_more_memory(small_runs: dict[str, Path], tmp_path: Path) -> None:
    lines = (small_runs["agro"] / "journal.jsonl").read_text().splitlines(keepends=True)
    last = [record for record in map(json.loads, lines) if record["event"] == "step"][-1]
    more = [json.dumps(last | {"step": last["step"] + number}) + "\n" for number in range(1, 301)]
    peaks = []
    for number in (2, 8):
        store = OutDir(tmp_path / str(number))
        for run in range(number):
            path = store.suite(SUITE) / "runs" / str(run) / "journal.jsonl"
            path.parent.mkdir(parents=True)
            path.write_text("".join([*lines[:-1], *more, lines[-1]]))
        tracemalloc.start()
        assert len(read_results(store.journals(SUITE))) == number
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.5 * peaks[0]


def test_a_report_never_hashes_a_runs_settings(small_runs: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    hashed, digest = [], harness.config.run_config.digest
    monkeypatch.setattr(harness.config.run_config, "digest", lambda content: hashed.append(1) or digest(content))
    for number in (5, 50):
        verdicts = {f"problem {place}": "cw" for place in range(number)}
        made = result(with_verdicts(records_of(small_runs, "agro"), verdicts))
        hashed.clear()
        assert by_problem_and_run([made]).num_rows == number
        assert hashed == []


def test_several_processes_open_a_fresh_store_at_once(tmp_path: Path) -> None:
    with ProcessPoolExecutor(3, FORKS) as pool:
        list(pool.map(_wait, range(3)))  # so that all run at the same time
        assert len(set(pool.map(_open, [tmp_path] * 3))) == 1


def _wait(_: int) -> None:
    time.sleep(1)  # so that no process takes two of the three


def _open(root: Path) -> str:
    return Writer(OutDir(root).tracking_uri, SUITE, root)._experiment
