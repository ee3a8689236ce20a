"""The tutorial, typed command by command in an empty folder, with small settings."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.command_line import SETTINGS, harness
from tests.support.documented import Command, Shown, steps_of
from tests.support.own_objective import EXAMPLE
from tests.support.paths import ROOT
from tests.support.processes import typed

TUTORIAL = ROOT / "docs" / "tutorial.md"
SMALL = ["--budget=completions=160", *(one for one in SETTINGS if not one.startswith(("--set=task.", "--set=budget")))]
"""The task of the tutorial reads its own file, so settings of tasks are left out. The last budget counts."""


def test_every_step_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    done = 0
    for step in steps_of(TUTORIAL):
        if isinstance(step, Shown):
            Path(step.name).write_text(step.content)
        elif step.mark is None:
            take(step, monkeypatch)
            done += 1
    assert done >= 7
    assert list(Path("runs").glob("*/leaderboard.html"))


def take(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Does what a reader would do."""
    match command.words:
        case ["mkdir", name]:
            Path(name).mkdir()
        case ["cd", name]:
            monkeypatch.chdir(name)
        case ["python", script]:
            subprocess.run([sys.executable, script], check=True)
        case ["harness", "run", *arguments]:
            made = typed(["run", *arguments, *SMALL], Path.cwd() / "runs")
            assert made.code() == 0, made.stderr
            assert "preliminary" in made.stdout
        case ["harness", *arguments]:
            code, output = harness(*arguments)
            assert code == 0, output
        case _:
            pytest.fail(f"no test can run {command}")


def test_the_example_of_an_objective_is_the_same_on_both_pages() -> None:
    page = (ROOT / "docs" / "how-to" / "own-objective.md").read_text()
    assert f"```python\n{EXAMPLE}```" in page
