"""An error in a user's objective ends only the runs of this objective. The sweep goes on, and reports it at its end."""

from pathlib import Path

import pytest

from tests.support.command_line import SETTINGS, harness, refused
from tests.support.small import SUITE, assert_same_run

OWN = """
from algorithms.reinforce import Reinforce

class Mine(Reinforce):
    def loss(self, policy, batch):
        if len(batch.rewards) < 5:  # a batch that is made up to try it
            return super().loss(policy, batch)
        raise {error}
"""


def test_the_others_end_as_if_it_were_not_there(
    small_runs: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "failing.py").write_text(OWN.format(error='ZeroDivisionError("of mine")'))
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    command = ["run", "--algos", "failing:Mine,agro", "--seeds", "0,", *SETTINGS, "--out", "out"]
    sentence = refused(
        command,
        "1 of 2 runs did not finish (failing.Mine-s0-",
        "ZeroDivisionError: of mine at ",
        "failing.py:8",
    )
    assert "the same command retries them" in sentence
    (agro,) = (tmp_path / "out" / SUITE / "runs").glob("agro-*")
    assert_same_run(agro, small_runs["agro"])
    (mine,) = (tmp_path / "out" / SUITE / "runs").glob("failing.Mine-*")
    assert "line 8, in loss" in (mine / "error.txt").read_text()
    board = (tmp_path / "out" / SUITE / "leaderboard.md").read_text()
    assert "agro" in board and "unfinished" in board

    (tmp_path / "failing.py").write_text(
        OWN.replace("        raise {error}", "        return super().loss(policy, batch)")
    )
    assert harness(*command)[0] == 2  # another version of the file: these runs began with the failed one
    assert harness(*command, "--fresh")[0] == 0
    assert not (mine / "error.txt").exists()


def test_one_that_fails_on_any_batch_is_refused_before_a_run_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "wrong.py").write_text(OWN.replace("< 5", "< 0").format(error='AttributeError("no such thing")'))
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    command = ["run", "--algos", "wrong:Mine,agro", "--seeds", "0,", *SETTINGS, "--out", "out"]
    refused(command, "wrong:Mine fails on a made-up batch: AttributeError: no such thing at", "wrong.py:8")
    assert not list(tmp_path.glob("out/*/runs/*"))
