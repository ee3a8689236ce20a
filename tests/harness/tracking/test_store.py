"""The real MLflow: a local store, a server that does not exist, and a server that dies."""

import json
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from mlflow import MlflowClient

from harness.config.suites import load_suite
from harness.errors import HarnessError
from harness.launch.syncing import Syncing, sync_suite
from harness.records.events import Evaluation, Resumed, Step, encode
from harness.records.journal import Journal
from harness.records.out_dir import OutDir
from harness.records.results import start_of
from harness.report.commands import make_leaderboard
from harness.report.numbers.selection import Selection
from harness.report.pages.writing import FILES
from harness.report.sources import MlflowSource
from harness.terminal import Terminal
from harness.tracking.reader import Reader
from harness.tracking.writer import Writer
from tests.support.boards import BASIC_FILES
from tests.support.command_line import two_runs
from tests.support.mlflow_server import free_port, stop
from tests.support.processes import typed
from tests.support.published import contents
from tests.support.small import INVOCATION, SUITE


def test_publishing_twice_is_publishing_once(store: OutDir) -> None:
    found = []
    for _ in range(2):
        sync_suite(Writer(store.tracking_uri, SUITE, store.root), store, SUITE, list(store.runs()))
        found.append(contents(store.tracking_uri))
    assert len(found[0]) == 3  # two runs and their parent
    assert found[0] == found[1]


def test_published_events_are_not_kept(store: OutDir) -> None:
    """Neither by the writer that published them, nor by a later one that finds nothing new."""
    for _ in range(2):
        writer = Writer(store.tracking_uri, SUITE, store.root)
        for run in store.runs():
            writer.publish(run, running=False)
        assert [seen.waiting for seen in writer._seen.values()] == [[], []]


def test_a_relative_address_means_the_store_of_the_folder_one_is_in(
    store: OutDir, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MLflow keeps connections by address. A second folder must not get the store of the first."""
    relative = "sqlite:///mlflow.db"
    for folder, runs in (("full", list(store.runs())), ("empty", [])):
        (tmp_path / folder).mkdir()
        monkeypatch.chdir(tmp_path / folder)
        sync_suite(Writer(relative, SUITE, tmp_path / folder), store, SUITE, runs)
        assert len(list(Reader(relative, SUITE).journals())) == len(runs)
        assert (tmp_path / folder / "mlflow.db").is_file()


def test_children_share_keys_and_their_steps_are_the_budget(store: OutDir) -> None:
    sync_suite(Writer(store.tracking_uri, SUITE, store.root), store, SUITE, list(store.runs()))
    children = [run for run in contents(store.tracking_uri).values() if "algo" in run[1]]
    assert sorted(params["algo"] for _, params, _, _ in children) == ["agro", "grpo"]
    for status, params, tags, histories in children:
        assert status == "FINISHED"
        assert params["seed"] == "0"
        assert tags["mlflow.parentRunId"]
        assert [step for step, *_ in histories["train/reward_mean"]] == [16, 32, 48, 64, 80, 96]
        assert [step for step, *_ in histories["eval/arithmetic_acc"]] == [0, 64, 96]
        assert [step for step, *_ in histories["test/arithmetic_acc"]] == [0, 96]
    shared = [{key for key in run[3] if not key.startswith("objective/")} for run in children]
    assert shared[0] == shared[1] >= {"train/kl", "system/budget_sampled_tokens", "system/budget_seconds"}


def test_a_run_published_in_pieces_equals_one_published_at_once(
    store: OutDir, small_runs: dict[str, Path], tmp_path: Path
) -> None:
    """In between, the journal is cut back to a checkpoint, as after a kill. Then other code repeats the lost steps."""
    pieces = tmp_path / "pieces" / SUITE / "runs" / "agro"
    pieces.mkdir(parents=True)
    lines = (small_runs["agro"] / "journal.jsonl").read_bytes().splitlines(keepends=True)
    publisher = Writer(f"sqlite:///{tmp_path}/pieces.db", SUITE, tmp_path)
    last = Journal(small_runs["agro"]).read()[4]
    assert isinstance(last, Step | Evaluation)
    note = Resumed(step=last.step, ledger=last.ledger, versions={"torch": "another"}, time=last.time)
    resumed = [*lines[:5], json.dumps(encode(note)).encode() + b"\n", *map(_later, lines[5:])]
    for count in (1, 6, 8):
        (pieces / "journal.jsonl").write_bytes(b"".join(lines[:count]))
        publisher.publish(pieces, running=True)
    for count in (5, 7, len(resumed)):
        (pieces / "journal.jsonl").write_bytes(b"".join(resumed[:count]))
        publisher.publish(pieces, running=count < len(resumed))
    (at_once,) = [run for run in store.runs() if run.name.startswith("agro")]
    Writer(store.tracking_uri, SUITE, store.root).publish(at_once, running=False)

    def metrics(uri: str) -> dict[str, object]:
        (histories,) = [histories for _, params, _, histories in contents(uri).values() if params]
        return {key: [(step, value) for step, value, _ in points] for key, points in histories.items()}

    assert metrics(f"sqlite:///{tmp_path}/pieces.db") == metrics(store.tracking_uri)


def _later(line: bytes) -> bytes:
    record = json.loads(line)
    record["clock"]["time"] += 100
    return json.dumps(record).encode() + b"\n"


def test_statuses_are_reconciled(store: OutDir, small_runs: dict[str, Path], tmp_path: Path) -> None:
    run = next(store.runs())
    lines = (run / "journal.jsonl").read_bytes().splitlines(keepends=True)
    publisher = Writer(store.tracking_uri, SUITE, store.root)
    statuses = []
    for count, running in ((4, True), (4, False), (5, True), (len(lines), False)):
        (run / "journal.jsonl").write_bytes(b"".join(lines[:count]))
        publisher.publish(run, running=running)
        (child,) = [status for status, params, _, _ in contents(store.tracking_uri).values() if params]
        statuses.append(child)
    assert statuses == ["RUNNING", "KILLED", "RUNNING", "FINISHED"]


def test_an_invocation_ends_with_its_last_run(store: OutDir) -> None:
    run, other = store.runs()
    publisher = Writer(store.tracking_uri, SUITE, store.root)
    whole = (run / "journal.jsonl").read_bytes()
    statuses = []
    for content in (b"".join(whole.splitlines(keepends=True)[:6]), whole):
        (run / "journal.jsonl").write_bytes(content)
        sync_suite(publisher, store, SUITE, [run, other])
        (parent,) = [status for status, params, _, _ in contents(store.tracking_uri).values() if not params]
        statuses.append(parent)
    assert statuses == ["KILLED", "FINISHED"]


def test_leaderboards_from_the_store_and_from_the_journals_are_the_same_bytes(store: OutDir) -> None:
    """Everything is the same except the links, which lead to the source."""
    sync_suite(Writer(store.tracking_uri, SUITE, store.root), store, SUITE, list(store.runs()))
    folder, suite = store.suite(SUITE), load_suite(SUITE)
    made = []
    for uri in (None, store.tracking_uri, store.tracking_uri):
        make_leaderboard(suite, Selection(), [uri] if uri else [], store.root, Terminal(quiet=True))
        made.append({name: (folder / name).read_bytes() for name in FILES if (folder / name).is_file()})
        shutil.rmtree(folder)  # with the journals
    assert made[1] == made[2]
    html = [files.pop("leaderboard.html").decode() for files in made]
    assert made[0] == made[1]
    assert len(made[0]) == 9
    assert re.sub(r'<a href="runs/[^"]*">([^<]*)</a>', r"\1", html[0]) == html[1] != html[0]


def test_runs_under_way_are_in_the_store_and_counted(store: OutDir) -> None:
    first, second = store.runs()
    lines = (first / "journal.jsonl").read_bytes().splitlines(keepends=True)
    (first / "journal.jsonl").write_bytes(b"".join(lines[:4]))
    publisher = Writer(store.tracking_uri, SUITE, store.root)
    publisher.publish(first, running=True)
    publisher.publish(second, running=False)
    results = MlflowSource(store.tracking_uri, SUITE).results()
    assert sorted(result.status for result in results) == ["finished", "unfinished"]


def test_what_is_no_store_is_refused_and_not_made(tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path}/mistyped.db"
    with pytest.raises(HarnessError, match="no MLflow store"):
        MlflowSource(uri, SUITE)
    assert not list(tmp_path.iterdir())


def test_a_dead_server_costs_one_warning_and_little_time(store: OutDir) -> None:
    warnings: list[str] = []
    publishing = Syncing(
        f"http://127.0.0.1:{free_port()}", store, SUITE, list(store.runs()), INVOCATION, warnings.append
    )
    publishing.start()
    started = time.monotonic()
    assert not publishing.finish()
    assert time.monotonic() - started < 45
    assert len(warnings) == 1
    assert "harness sync" in warnings[0]


def test_a_server_that_dies_midway_is_caught_up_with_later(
    server: tuple[str, "subprocess.Popen[bytes]"], store: OutDir, tmp_path: Path
) -> None:
    uri, process = server
    run = next(store.runs())
    whole = (run / "journal.jsonl").read_bytes()
    (run / "journal.jsonl").write_bytes(b"".join(whole.splitlines(keepends=True)[:6]))
    warnings: list[str] = []
    publishing = Syncing(uri, store, SUITE, [run], INVOCATION, warnings.append)
    publishing.start()
    deadline = time.monotonic() + 60
    client = MlflowClient(tracking_uri=uri)
    while time.monotonic() < deadline:
        experiment = client.get_experiment_by_name(SUITE)
        if experiment and len(client.search_runs([experiment.experiment_id])) == 2:
            break
        time.sleep(0.2)
    stop(process)
    (run / "journal.jsonl").write_bytes(whole)
    assert not publishing.finish()
    assert len(warnings) == 1
    database = f"sqlite:///{tmp_path}/server.db"  # the server's own store, opened without the server
    sync_suite(Writer(database, SUITE, store.root), store, SUITE, list(store.runs()))
    published = [histories for _, params, _, histories in contents(database).values() if params]
    assert [[step for step, *_ in h["train/reward_mean"]] for h in published] == [[16, 32, 48, 64, 80, 96]] * 2


def test_a_whole_run_without_a_server_and_its_sync(tmp_path: Path) -> None:
    """The run ends with its tables and one warning. Then sync publishes all of it, once."""
    dead, out = f"http://me:s3cret@127.0.0.1:{free_port()}", tmp_path / "out"
    done = two_runs(out, "--workers", "1", "--tracking-uri", dead)
    assert done.code() == 0, done.stderr
    assert "s3cret" not in done.stdout + done.stderr
    assert not [path for path in out.rglob("*") if path.is_file() and b"s3cret" in path.read_bytes()]
    assert done.stdout.count("warning: cannot publish") == 1
    assert (out / SUITE / "leaderboard.json").is_file()
    for lost in (["sync", "--tracking-uri", dead], ["leaderboard", "--suite", SUITE, "--from", dead]):
        refused = typed(lost, out)
        assert refused.code() == 2
        assert dead.replace("s3cret", "***") in refused.stderr
        assert "Traceback" not in refused.stderr
    found = []
    for _ in range(2):
        again = typed(["sync"], out)
        assert again.code() == 0, again.stderr
        found.append(contents(f"sqlite:///{out}/mlflow.db"))
    assert found[0] == found[1]
    assert [status for status, *_ in found[0].values()] == ["FINISHED"] * 3
    client = MlflowClient(tracking_uri=f"sqlite:///{out}/mlflow.db")
    (parent,) = [run for run, (_, params, *_) in found[0].items() if not params]
    assert {file.path for file in client.list_artifacts(parent)} == BASIC_FILES


def test_a_store_that_was_lost_right_after_a_run_was_made_gets_its_parameters_later(store: OutDir) -> None:
    run = next(store.runs())
    publisher = Writer(store.tracking_uri, SUITE, store.root)
    publisher._runs.child(start_of(Journal(run).read()))
    publisher.publish(run, running=False)
    (params,) = [params for _, params, _, _ in contents(store.tracking_uri).values() if params]
    assert params["algo"] in ("agro", "grpo")


def test_a_deleted_experiment_is_not_an_empty_one(store: OutDir) -> None:
    sync_suite(Writer(store.tracking_uri, SUITE, store.root), store, SUITE, list(store.runs()))
    client = MlflowClient(tracking_uri=store.tracking_uri)
    experiment = client.get_experiment_by_name(SUITE)
    assert experiment is not None
    client.delete_experiment(experiment.experiment_id)
    sentence = f"was deleted from the MLflow store; .* restore --experiment-id {experiment.experiment_id}"
    with pytest.raises(HarnessError, match=sentence):
        MlflowSource(store.tracking_uri, SUITE)
    with pytest.raises(HarnessError, match=sentence):
        Writer(store.tracking_uri, SUITE, store.root)
    client.restore_experiment(experiment.experiment_id)
    assert len(MlflowSource(store.tracking_uri, SUITE).results()) == 2


def test_no_sentence_shows_a_password(tmp_path: Path) -> None:
    uri = "http://me:s3cret@127.0.0.1:9"
    with pytest.raises(HarnessError) as refusal:
        MlflowSource(uri, SUITE)
    assert "s3cret" not in str(refusal.value) and "me:***@127.0.0.1:9" in str(refusal.value)
