"""The whole command, stopped and typed again. Its runs end as if there had been no stop."""

import signal
import time
from pathlib import Path

import pytest

from tests.support.command_line import SETTINGS, two_runs
from tests.support.processes import typed
from tests.support.small import SUITE, assert_same_run, journal_of


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
    stopped = two_runs(out, "--workers", "1")  # the second run has not begun when the first one has made a step
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


ENDLESS = """
import time
from pathlib import Path
from algorithms.reinforce import Reinforce

class Mine(Reinforce):
    def loss(self, policy, batch):
        if Path("hang").exists() and len(batch.rewards) > 4:  # not on the made-up batch
            Path("hanging").touch()
            time.sleep(600)
        return super().loss(policy, batch)
"""


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="reads /proc")
def test_a_second_ctrl_c_ends_workers_in_the_middle_of_a_step(tmp_path: Path) -> None:
    """The step would take ten minutes. The files on disk are complete, and the run resumes from them."""
    (tmp_path / "endless.py").write_text(ENDLESS)
    (tmp_path / "hang").touch()
    command = ["run", "--algos", "endless:Mine", "--seeds", "0,", *SETTINGS, "--set=baseline=endless:Mine"]
    stopped = typed(command, tmp_path / "out")
    deadline = time.monotonic() + 300
    while not (tmp_path / "hanging").exists():
        assert time.monotonic() < deadline and stopped.process.is_alive(), stopped.stderr
        time.sleep(0.05)
    while not (workers := workers_of(stopped.process.pid)):  # the list of the kernel may miss one for a moment
        assert time.monotonic() < deadline
    (worker,) = workers
    stopped.interrupt()
    time.sleep(1)
    assert stopped.process.is_alive(), "the first one lets the step end"
    stopped.interrupt()
    pressed = time.monotonic()
    assert stopped.code() == 130
    assert time.monotonic() - pressed < 20
    assert not Path(f"/proc/{worker}").exists()
    assert "stopped immediately; the same command resumes" in stopped.stdout
    assert "Traceback" not in stopped.stderr + stopped.stdout

    (tmp_path / "hang").unlink()
    (run,) = (tmp_path / "out" / SUITE / "runs").iterdir()
    (before,) = (record for record in journal_of(run) if record["event"] == "start")
    again = typed(command, tmp_path / "out")
    assert again.code() == 0, again.stderr
    records = journal_of(run)
    assert records[0] == before and records[-1]["status"] == "finished", "it was not taken up where it was"


def workers_of(pid: int | None) -> list[int]:
    """The workers that the process has started. They are forks of the process that has imported what they need."""
    return [worker for server in servers_of(pid) for worker in children_of(server)]


def servers_of(pid: int | None) -> list[int]:
    """The process that imports for the workers, which takes seconds. There is none before it was started."""
    return [child for child in children_of(pid) if is_server(child)]


def is_server(pid: int) -> bool:
    """Whether this process imports for the workers.

    A child that is about to become another program, such as git, still has the command line of its parent, which may
    itself be a fork of such a server. On Linux the flag PF_FORKNOEXEC marks it.
    """
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
        flags = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[6])
    except (FileNotFoundError, ProcessLookupError):  # it has ended
        return False
    return b"executors.local" in command and not flags & 0x40


def children_of(pid: int | None) -> list[int]:
    return [int(child) for path in Path(f"/proc/{pid}/task").glob("*/children") for child in path.read_text().split()]


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="reads /proc")
def test_ctrl_c_while_workers_start_is_as_quiet_as_later(tmp_path: Path) -> None:
    """Ctrl-C reaches workers before they can ignore it. None of them may die with a traceback."""
    stopped = two_runs(tmp_path / "out", "--workers", "2")
    deadline = time.monotonic() + 120
    while not servers_of(stopped.process.pid):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    stopped.interrupt()
    assert stopped.code() == 130
    assert "the same command resumes" in stopped.stdout
    assert "Traceback" not in stopped.stderr + stopped.stdout
    assert "out of memory" not in stopped.stderr + stopped.stdout
