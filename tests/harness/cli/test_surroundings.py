"""What a script sees of the command line."""

import os
import re
import subprocess
import sys

from tests.support.paths import ROOT


def typed(*arguments: str, **environment: str) -> str:
    """Standard output, which is not a terminal here."""
    kept = {key: value for key, value in os.environ.items() if key != "COLUMNS"}
    command = [sys.executable, "-m", "harness.cli", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=kept | environment, capture_output=True, text=True, check=True)
    return done.stdout


def test_the_version_is_told() -> None:
    assert re.fullmatch(r"harness \d+\.\d+\.\d+\n", typed("--version"))


def test_completion_can_be_installed() -> None:
    named = {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}  # a test has no shell above it
    assert "_completion()" in typed("--show-completion", "bash", **named)


def test_tables_are_not_cut_where_nobody_looks_on() -> None:
    """One line per row, however long, unless the environment says how wide the output is."""
    (row,) = [line for line in typed("list", "suites").splitlines() if line.strip().startswith("smollm2-sums")]
    assert len(row) > 80 and "on a CPU" in row
    assert all(len(line) <= 60 for line in typed("list", "suites", COLUMNS="60").splitlines())
