"""The command line as its users meet it: in this process, or in one of its own."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from typer.testing import CliRunner

from harness.cli import app
from tests.support.small import SMALL

SETTINGS = [f"--set={key}={json.dumps(value)}" for key, value in SMALL.items()]


def harness(*arguments: str) -> tuple[int, str]:
    """Exit code and all output, in this process."""
    result = CliRunner().invoke(app, list(arguments))
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


def refused(arguments: Sequence[str], *expected: str) -> str:
    """The command ends with exit code 2 and one clear sentence."""
    code, output = harness(*arguments)
    assert code == 2, output
    assert "Traceback" not in output
    (sentence,) = [line for line in output.splitlines() if line.startswith("harness: ")]
    for text in expected:
        assert text in sentence
    return sentence


def command(out: Path, *more: str) -> list[str]:
    """``harness run`` of two small runs, for a process of its own."""
    changes = [f"--set={key}={value}" for key, value in SMALL.items() if key != "budget"]
    return [
        *(sys.executable, "-m", "harness.cli", "run", "--algos", "agro,grpo", "--seeds", "0,"),
        *("--budget", "completions=100", "--out", str(out)),
        *changes,
        *more,
    ]
