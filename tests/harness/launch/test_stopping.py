"""The whole command, stopped and typed again: its runs end as if nothing had happened."""

import signal
import time
from pathlib import Path

import pytest

from tests.support.command_line import two_runs
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
    out = tmp_path / "out"
    stopped = two_runs(out, "--workers", "1")  # the second run has not begun when the first has made a step
    wait_for_steps(out, 1)
    if how is signal.SIGINT:
        stopped.interrupt()
        assert stopped.code() == 130
        assert "the same command resumes" in stopped.stdout
    else:
        stopped.process.kill()
        assert stopped.code() == -signal.SIGKILL
    again = two_runs(out)
    assert again.code() == 0, again.stderr
    (agro,) = out.glob("*/runs/agro-*")
    (grpo,) = out.glob("*/runs/grpo-*")
    assert_same_run(agro, small_runs["agro"])
    assert_same_run(grpo, small_runs["grpo"])


def worker_of(pid: int | None) -> bool:
    """Whether the process has started one, which then imports for seconds."""
    children = [
        int(child) for path in Path(f"/proc/{pid}/task").glob("*/children") for child in path.read_text().split()
    ]
    return any(b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes() for child in children)


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="reads /proc")
def test_ctrl_c_while_workers_start_is_as_quiet_as_later(tmp_path: Path) -> None:
    """It reaches workers before they can ignore it; none of them may die of it with a traceback."""
    stopped = two_runs(tmp_path / "out", "--workers", "2")
    deadline = time.monotonic() + 120
    while not worker_of(stopped.process.pid):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    stopped.interrupt()
    assert stopped.code() == 130
    assert "the same command resumes" in stopped.stdout
    assert "Traceback" not in stopped.stderr + stopped.stdout
    assert "out of memory" not in stopped.stderr + stopped.stdout
