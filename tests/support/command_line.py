"""The command line as users see it, in this process or in a process of its own."""

import json
from collections.abc import Sequence
from pathlib import Path

from typer.testing import CliRunner

from harness.cli import app
from tests.support.processes import Typed, typed
from tests.support.small import SMALL

SETTINGS = [f"--set={key}={json.dumps(value)}" for key, value in SMALL.items()]


def harness(*arguments: str) -> tuple[int, str]:
    """Runs the command in this process. Returns its exit code and all of its output."""
    result = CliRunner().invoke(app, list(arguments))
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


def refused(arguments: Sequence[str], *expected: str) -> str:
    """Checks that the command ends with exit code 2 and one clear sentence."""
    code, output = harness(*arguments)
    assert code == 2, output
    assert "Traceback" not in output
    (sentence,) = [line for line in output.splitlines() if line.startswith("harness: ")]
    for text in expected:
        assert text in sentence
    return sentence


def two_runs(out: Path, *more: str, largest_file: int | None = None) -> Typed:
    """A ``harness run`` command with two small runs."""
    changes = [f"--set={key}={value}" for key, value in SMALL.items() if key != "budget"]
    command = ["run", "--algos", "agro,grpo", "--seeds", "0,", "--budget", "completions=100", *changes, *more]
    return typed(command, out, largest_file=largest_file)
