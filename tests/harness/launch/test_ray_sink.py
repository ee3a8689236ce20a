"""What a node sends becomes what a local run leaves, and other contents are refused. These tests need no cluster."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import harness.launch.executors.ray.storage as storage_module
from harness.errors import HarnessError
from harness.launch.executors.ray.mirror import Mirror
from harness.launch.executors.ray.sink import Begun, Sink, confined
from harness.launch.executors.ray.storage import check_storage
from harness.records.journal import JOURNAL
from harness.records.locks import is_locked
from harness.records.out_dir import CHECKPOINT
from tests.support.small import assert_same_run, run_small, small_config


def begin(sink: Sink, directory: Path, *, fresh: bool = False) -> Begun:
    sink.expect({"run": directory}, fresh=fresh)
    return again(sink)


def again(sink: Sink) -> Begun:
    begun = sink.begin("run", "node")
    assert isinstance(begun, Begun)
    return begun


def speaker(sink: Sink, attempt: int) -> Callable[..., Any]:
    return lambda method, *given, **named: getattr(sink, method)("run", attempt, *given, **named)


@pytest.mark.parametrize("name", ["..", "../x", "a/../../x", "/etc/x", "", ".", "link/x", "a\0b"])
def test_a_name_that_leads_out_of_the_run_is_refused(name: str, tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "link").symlink_to(tmp_path)
    sink = Sink(None)
    attempt = begin(sink, inside).attempt
    before = set(tmp_path.rglob("*"))
    with pytest.raises(ValueError):
        sink.file("run", attempt, name, b"x")
    with pytest.raises(ValueError):
        confined(inside, name)
    assert set(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("name", ["../s0-ab", "s0-ab/..", "x", "s0-", "/s0-ab"])
def test_a_set_of_another_name_is_refused(name: str, tmp_path: Path) -> None:
    sink = Sink(None)
    attempt = begin(sink, tmp_path / "suite" / "runs" / "run").attempt
    with pytest.raises(ValueError):
        sink.claim_set("run", attempt, name)


def test_lines_sent_again_stand_there_once(tmp_path: Path) -> None:
    sink = Sink(None)
    attempt = begin(sink, tmp_path).attempt
    for _ in range(2):
        sink.journal("run", attempt, 0, b"one\ntwo\n")
        sink.journal("run", attempt, 8, b"three\n")
    assert (tmp_path / JOURNAL).read_bytes() == b"one\ntwo\nthree\n"
    with pytest.raises(ValueError):
        sink.journal("run", attempt, 99, b"after a gap\n")


@pytest.mark.parametrize("message", ["journal", "checkpoint", "file", "rename", "end", "set_made", "refuse"])
def test_a_lost_attempt_changes_nothing(message: str, tmp_path: Path) -> None:
    directory = tmp_path / "suite" / "runs" / "run"
    sink = Sink(None)
    old = begin(sink, directory).attempt
    sink.journal("run", old, 0, b"one\n")
    sink.checkpoint("run", old, b"state")
    sink.file("run", old, "final.partial/x", b"x")
    assert sink.lost("run")
    assert again(sink).files == {JOURNAL: b"one\n", CHECKPOINT: b"state"}
    before = {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()}
    given: dict[str, tuple[Any, ...]] = {
        "journal": (0, b"other\n"),
        "checkpoint": (b"other",),
        "file": ("x", b"x"),
        "rename": ("final.partial", "final"),
        "end": (),
        "set_made": ("s0-ab", b"x"),
        "refuse": ("full",),
    }
    named = {"ended": True} if message == "end" else {}
    assert speaker(sink, old)(message, *given[message], **named) == "gone"
    assert {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()} == before
    assert sink.news() == ({"run": "node"}, None)


def test_one_run_makes_a_set_and_the_others_get_it(tmp_path: Path) -> None:
    sink = Sink(None)
    runs = tmp_path / "suite" / "runs"
    sink.expect({name: runs / name for name in "abc"}, fresh=False)
    for name in "abc":
        sink.begin(name, "node")
    assert sink.claim_set("a", 1, "s0-ab") == "make"
    assert sink.claim_set("b", 1, "s0-ab") == "wait"
    sink.lost("a")  # its node died because of it
    assert sink.claim_set("b", 1, "s0-ab") == "make"
    sink.set_made("b", 1, "s0-ab", b"set")
    assert sink.claim_set("c", 1, "s0-ab") == b"set"


def test_a_fresh_run_forgets_the_old_one_once_it_has_begun_and_then_keeps_what_it_did(tmp_path: Path) -> None:
    for name in (JOURNAL, CHECKPOINT, "old"):
        (tmp_path / name).write_bytes(b"old\n")
    sink = Sink(None)
    begun = begin(sink, tmp_path, fresh=True)
    assert begun.files == {}
    assert (tmp_path / "old").is_file(), "before its parts have been loaded"
    sink.journal("run", begun.attempt, 0, b"new\n")
    sink.checkpoint("run", begun.attempt, b"new")
    assert {path.name for path in tmp_path.iterdir()} == {"lock", JOURNAL, CHECKPOINT}
    sink.lost("run")
    assert again(sink).files == {JOURNAL: b"new\n", CHECKPOINT: b"new"}


def test_a_run_is_held_while_it_runs_and_no_run_begins_after_a_stop(tmp_path: Path) -> None:
    sink = Sink(None)
    attempt = begin(sink, tmp_path).attempt
    assert is_locked(tmp_path)
    assert sink.stop() == ["run"]
    assert sink.word("run", attempt) == "stop"
    sink.end("run", attempt, ended=False)
    assert not is_locked(tmp_path)
    assert again(sink).word == "stop"


@pytest.mark.parametrize("before", ["nothing", "lost before it began", "lost", "ended by a lost rank"])
def test_every_attempt_holds_the_run_and_one_that_waits_can_be_cancelled(before: str, tmp_path: Path) -> None:
    sink = Sink(None)
    sink.expect({"run": tmp_path}, fresh=False)
    if before in ("lost", "ended by a lost rank"):
        attempt = again(sink).attempt
        if before == "ended by a lost rank":
            sink.end("run", attempt, ended=False)
    if before != "nothing":
        sink.lost("run")
    assert sink.stop() == [], "its task may be cancelled"
    sink.expect({}, fresh=False)
    again(sink)
    assert is_locked(tmp_path)
    assert sink.stop() == ["run"], "its task must not be interrupted"


@pytest.mark.parametrize("large", [False, True])
def test_what_is_mirrored_is_what_the_run_left(large: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In messages, and through a storage that is left empty."""
    if large:
        monkeypatch.setattr(storage_module, "MOST_IN_MEMORY", 1000)
    storage = f"file://{tmp_path}/storage"
    check_storage(storage)
    there, here = tmp_path / "there", tmp_path / "here"
    there.mkdir()
    sink = Sink(storage)
    attempt = begin(sink, here).attempt
    config = small_config()
    with Mirror(there, speaker(sink, attempt), storage, journal_bytes=0) as mirror:
        assert run_small(config, there, should_stop=mirror.should_stop) == "finished"
    sink.end("run", attempt, ended=True)
    assert_same_run(there, here)
    assert (there / JOURNAL).read_bytes() == (here / JOURNAL).read_bytes()
    assert {p.relative_to(there) for p in there.rglob("*")} == {p.relative_to(here) for p in here.rglob("*")}
    assert list((tmp_path / "storage").iterdir()) == []


def test_a_large_file_without_storage_stops_everything_and_names_the_option(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage_module, "MOST_IN_MEMORY", 1000)
    there = tmp_path / "there"
    there.mkdir()
    sink = Sink(None)
    attempt = begin(sink, tmp_path / "here").attempt
    with Mirror(there, speaker(sink, attempt), None, journal_bytes=0) as mirror:
        (there / CHECKPOINT).write_bytes(bytes(2000))
    assert mirror.should_stop()
    assert "--ray-storage" in str(sink.news()[1])


def test_a_storage_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for storage in (f"file://{tmp_path}/file/folder", "nothing://x"):
        with pytest.raises(HarnessError, match="--ray-storage"):
            check_storage(storage)
