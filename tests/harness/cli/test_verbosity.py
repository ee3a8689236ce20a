"""How much a command prints."""

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from harness.cli import app
from tests.support.command_line import harness, refused
from tests.support.paths import ROOT
from tests.support.small import SUITE

COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]
BOARD = ["leaderboard", "--suite", SUITE, "--from", str(ROOT / "results" / SUITE / "runs.tar.xz")]
PART = ["--algos", "agro,grpo", "--regime", "offline"]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_can_be_quiet_or_verbose(name: str) -> None:
    options = {option for parameter in COMMANDS[name].params for option in parameter.opts}
    assert {"-q", "--quiet", "-v", "--verbose"} <= options


def test_quiet_leaves_results_and_usual_adds_what_was_written(tmp_path: Path) -> None:
    where = ["--out", str(tmp_path)]
    usual, quiet = (harness(*BOARD, *PART, *where, *more)[1] for more in ((), ("-q",)))
    assert "wrote " in usual and "wrote " not in quiet
    assert "accuracy" in quiet and all(line in usual for line in quiet.splitlines())


def test_the_legend_is_printed_where_it_is_asked_for_and_always_in_files(tmp_path: Path) -> None:
    said = {more: harness(*BOARD, *PART, "--out", str(tmp_path), *more)[1] for more in ((), ("--explain",))}
    legend = [line for line in (tmp_path / SUITE / "leaderboard.md").read_text().splitlines() if line[:2] == "- "]
    shown = [line for line in legend if line in said["--explain",]]
    assert len(shown) >= 8
    short = [line for line in shown if line in said[()]]
    assert len(short) < len(shown) / 2
    assert "--explain" in said[()] and "--explain" not in said["--explain",]


def test_verbose_shows_the_traceback_behind_a_sentence(tmp_path: Path) -> None:
    command = ["leaderboard", "--suite", "tiny-arithmetik"]
    sentence = refused(command)
    done = CliRunner().invoke(app, [*command, "-v"])
    assert done.exit_code == 2
    assert "Traceback" in done.stderr and done.stderr.splitlines()[-1] == sentence


def test_quiet_and_verbose_contradict_each_other() -> None:
    refused(["list", "-q", "-v"], "--quiet and --verbose")
