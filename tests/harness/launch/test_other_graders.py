"""An invocation that finds runs of an older grader says so once, and goes on."""

import json
from pathlib import Path

import pytest

from tests.support.command_line import SETTINGS, harness, refused
from tests.support.graders import age_journal
from tests.support.small import SUITE

QUICK = [*SETTINGS, "--workers", "1"]


@pytest.fixture(scope="module")
def half(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """agro has ended with an older grader, and grpo has not run yet."""
    out = tmp_path_factory.mktemp("half")
    code, output = harness("run", "--algos", "agro", "--seeds", "0,", "--out", str(out), *QUICK)
    assert code == 0 and "share a table" not in output, output
    (run,) = (out / SUITE / "runs").iterdir()
    age_journal(run)
    return out


def test_finished_runs_of_an_older_grader_are_one_sentence_and_no_crash(half: Path) -> None:
    code, output = harness("run", "--algos", "agro,grpo", "--seeds", "0,", "--out", str(half), *QUICK)
    said = " ".join(output.split())
    assert code == 0, output
    assert said.count("share a table") == 1
    assert "of these 2 runs, 1 under grader 0/0.1 have ended, but the current grader is" in said
    board = json.loads((half / SUITE / "leaderboard.json").read_text())
    assert [row["objective"] for part in board["boards"] for row in part["rows"]] == ["grpo"]
    code, output = harness("run", "--algos", "agro", "--seeds", "0,", "--out", str(half), *QUICK, "--explain")
    assert code == 0 and "grader 0/0.1 judged all" in " ".join(output.split()), "alone, they have a table of their own"
    refused(["leaderboard", "--suite", SUITE, "--out", str(half)], "different graders")


def test_trials_of_two_graders_are_refused_before_any_runs(tmp_path: Path) -> None:
    command = ["tune", "--algos", "agro", "--out", str(tmp_path), *QUICK, "--set=tuning.validation_problems=4"]
    code, output = harness(*command, "--trials", "1")
    assert code == 0, output
    (run,) = (tmp_path / f"{SUITE}-tuning" / "runs").iterdir()
    age_journal(run)
    refused([*command, "--trials", "2"], "share a table", "--fresh")
    assert len(list((tmp_path / f"{SUITE}-tuning" / "runs").iterdir())) == 1
