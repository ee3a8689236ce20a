"""The whole command, stopped and typed again: its runs end as if nothing had happened."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.support.command_line import command
from tests.support.paths import ROOT
from tests.support.small import assert_same_run, journal_of


def wait_for_steps(out: Path, count: int) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        journals = [journal_of(path.parent) for path in out.glob("*/runs/*/journal.jsonl")]
        if sum(record["event"] == "step" for records in journals for record in records) >= count:
            return
        time.sleep(0.01)
    raise AssertionError("the runs did not get so far")


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_the_whole_command_can_be_stopped_and_typed_again(
    how: signal.Signals, small_runs: dict[str, Path], tmp_path: Path
) -> None:
    process = subprocess.Popen(command(tmp_path), cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True)
    wait_for_steps(tmp_path, 4)
    if how is signal.SIGINT:  # as a terminal does: to the whole group
        os.killpg(process.pid, signal.SIGINT)
        output, _ = process.communicate(timeout=60)
        assert process.returncode == 130
        assert "the same command resumes" in output
    else:
        process.kill()
        process.communicate(timeout=60)
    done = subprocess.run(command(tmp_path), cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (agro,) = tmp_path.glob("*/runs/agro-*")
    (grpo,) = tmp_path.glob("*/runs/grpo-*")
    assert_same_run(agro, small_runs["agro"])
    assert_same_run(grpo, small_runs["grpo"])
