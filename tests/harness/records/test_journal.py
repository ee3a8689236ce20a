"""The journal: events are read as they were written, in formats of other versions too, and while it grows."""

import json
import os
import tarfile
from pathlib import Path
from typing import Any

import pytest

from harness.config.run_config import flat
from harness.errors import HarnessError
from harness.launch.bars import Display
from harness.records.events import FORMAT, decode, encode
from harness.records.journal import JOURNAL, Follower, Journal
from harness.terminal import Terminal
from tests.support.small import small_config


def lines_of(directory: Path) -> list[bytes]:
    return (directory / JOURNAL).read_bytes().splitlines(keepends=True)


def test_every_event_is_read_back_as_it_was_written(small_runs: dict[str, Path]) -> None:
    raw = [json.loads(line) for line in lines_of(small_runs["agro"])]
    assert {record["event"] for record in raw} == {"start", "step", "evaluation", "end"}
    assert raw[0]["format"] == FORMAT
    assert [json.loads(json.dumps(encode(decode(record, "here")))) for record in raw] == raw


def test_journals_of_the_first_format_are_read_whole(committed: Path) -> None:
    """Nothing in them is lost. Written again, they are the same, except for the format and for later settings."""
    with tarfile.open(committed / "results" / "smollm2-sums" / "runs.tar.xz", "r|xz") as archive:
        entry = next(entry for entry in archive if entry.name.endswith(JOURNAL))
        file = archive.extractfile(entry)
        assert file
        for line in file:
            record = json.loads(line)
            again = json.loads(json.dumps(encode(decode(record, "here"))))
            assert again.pop("format", FORMAT) == FORMAT
            assert again.pop("answer_format", "own") == "own"
            assert "format" not in record
            for later in ("config", "identity"):  # settings and hashes that were added later
                if later in record:
                    assert flat(record.pop(later)).items() <= flat(again.pop(later)).items()
            assert again == record


def test_a_journal_from_the_future_is_refused_by_its_format(small_runs: dict[str, Path], tmp_path: Path) -> None:
    start, *others = lines_of(small_runs["agro"])
    later = json.dumps(json.loads(start) | {"format": FORMAT + 1}).encode() + b"\n"
    (tmp_path / JOURNAL).write_bytes(b"".join([later, *others]))
    with pytest.raises(HarnessError, match=f"journal of format {FORMAT + 1}, but this version reads formats up to"):
        Journal(tmp_path).read()


@pytest.mark.parametrize("cut", ["spent", "clock", "metrics"])
def test_a_line_of_an_unknown_older_version_is_one_sentence(
    cut: str, small_runs: dict[str, Path], tmp_path: Path
) -> None:
    records: list[dict[str, Any]] = [json.loads(line) for line in lines_of(small_runs["agro"])]
    step = next(record for record in records if record["event"] == "step")
    del step[cut]
    (tmp_path / JOURNAL).write_text("".join(json.dumps(record) + "\n" for record in records))
    with pytest.raises(
        HarnessError, match=rf"an older version of the harness wrote .*{JOURNAL}:{records.index(step) + 1}"
    ):
        Journal(tmp_path).read()


def test_following_gives_each_event_once_whatever_the_pieces(small_runs: dict[str, Path], tmp_path: Path) -> None:
    content = b"".join(lines_of(small_runs["agro"]))
    whole = Journal(small_runs["agro"]).read()
    follower, found = Follower(tmp_path / JOURNAL), []
    assert follower.news().events == []
    for first in range(0, len(content), 700):  # some lines are longer than this, and some shorter
        with (tmp_path / JOURNAL).open("ab") as file:
            file.write(content[first : first + 700])
        news = follower.news()
        assert not news.anew
        found += news.events
    assert found == whole


def test_a_journal_that_was_cut_or_begun_again_is_read_from_its_start(
    small_runs: dict[str, Path], tmp_path: Path
) -> None:
    lines = lines_of(small_runs["agro"])
    others = lines_of(small_runs["grpo"])
    path = tmp_path / JOURNAL
    follower = Follower(path)
    for content in (lines, lines[:5], [*lines[:4], *others[4:]], others, [lines[0], *others[1:]], []):
        path.write_bytes(b"".join(content))
        news = follower.news()
        assert news.anew is (content is not lines)
        assert len(news.events) == len(content)
    path.unlink()
    assert follower.news().events == []


def test_a_look_at_the_end_of_a_long_run_reads_no_more_than_one_at_its_start(
    small_runs: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bytes and events that the bars read for one more step, after ten steps and after ten thousand."""
    start, *others = lines_of(small_runs["agro"])
    step = next(line for line in others if b'"event": "step"' in line)
    path = tmp_path / JOURNAL
    path.write_bytes(start)
    read: list[int] = []
    parse = Follower._read

    def counted(follower: Follower, content: bytes) -> Any:
        read.append(len(content))
        return parse(follower, content)

    monkeypatch.setattr(Follower, "_read", counted)
    config = small_config()
    running = {config.run_id: "cpu:0"}
    with Display(Terminal(file=open(os.devnull, "w")), [(config, tmp_path)]) as display:
        costs = []
        for steps in (10, 10_000):
            with path.open("ab") as file:
                file.write(steps * step)
            display.refresh(running)
            read.clear()
            with path.open("ab") as file:
                file.write(step)
            display.refresh(running)
            costs.append(list(read))
    assert costs == [[len(step)], [len(step)]]
