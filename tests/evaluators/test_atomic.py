"""A file is replaced as a whole or not at all."""

import os
import signal
from pathlib import Path

import pytest

from evaluators.atomic import replacement
from tests.support.processes import FORKS


def test_readers_see_the_old_content_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "table.json"
    path.write_text("old")
    with replacement(path) as new:
        new.write_text("new, in part")
        assert path.read_text() == "old"
        new.write_text("new")
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_leaves_the_old_file_alone(tmp_path: Path) -> None:
    path = tmp_path / "table.json"
    path.write_text("old")
    with pytest.raises(OSError, match="full"), replacement(path) as new:
        new.write_text("new, in part")
        raise OSError("the disk is full")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def _write_and_die(path: Path) -> None:
    with replacement(path) as new:
        new.write_text("of the one that was killed")
        os.kill(os.getpid(), signal.SIGKILL)


def test_two_processes_do_not_share_the_new_file(tmp_path: Path) -> None:
    path = tmp_path / "table.json"
    with replacement(path) as new:
        new.write_text("mine")
        other = FORKS.Process(target=_write_and_die, args=(path,))
        other.start()
        other.join()
        assert other.exitcode == -signal.SIGKILL
    assert path.read_text() == "mine"
