"""What a script takes from standard output: JSON, or a suite file, and nothing beside it."""

import json
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from harness.cli import app
from tests.support.command_line import SETTINGS
from tests.support.paths import ROOT
from tests.support.small import SUITE

ARCHIVE = str(ROOT / "results" / SUITE / "runs.tar.xz")


def stdout_of(*arguments: str) -> str:
    done = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_a_leaderboard_is_the_json_that_it_writes(tmp_path: Path) -> None:
    shown = stdout_of("leaderboard", "--suite", SUITE, "--from", ARCHIVE, "--json", "--out", str(tmp_path))
    assert json.loads(shown) == json.loads((tmp_path / SUITE / "leaderboard.json").read_text())


def test_a_comparison_has_its_difference_and_its_problems(tmp_path: Path) -> None:
    options = ["--suite", SUITE, "--from", ARCHIVE, "--regime", "offline", "--out", str(tmp_path)]
    found = json.loads(stdout_of("compare", "agro", "grpo", *options, "--json"))
    assert found["names"] == ["agro", "grpo"]
    ours, theirs = (row["accuracy"]["mean"] for row in found["rows"])
    assert found["difference"]["mean"] == pytest.approx(ours - theirs)
    assert found["gained"]["count"] > found["lost"]["count"] > 0


def test_a_dry_run_is_a_suite_with_the_same_runs(tmp_path: Path) -> None:
    """Its comments name the runs and what they need; nothing is written."""
    out = ["--out", str(tmp_path / "runs")]
    first = stdout_of("run", "--algos", "agro,grpo", "--seeds", "2", *SETTINGS, "--dry-run", *out)
    (tmp_path / "suite.yaml").write_text(first)
    again = stdout_of(
        "run", "--algos", "agro,grpo", "--seeds", "2", "--suite", str(tmp_path / "suite.yaml"), "--dry-run", *out
    )
    runs = [line for line in first.splitlines() if line.startswith("# run ")]
    assert len(runs) == 4
    assert runs == [line for line in again.splitlines() if line.startswith("# run ")]
    assert yaml.safe_load(first) == yaml.safe_load(again)
    for what in ("# time: about ", "# memory: about ", "# disk: per run, up to "):
        assert what in first
    assert not (tmp_path / "runs").exists()
