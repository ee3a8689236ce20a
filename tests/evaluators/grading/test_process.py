"""The worker may hang, crash or be interrupted: one verdict is lost, never the next."""

import _thread
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import pytest

from evaluators.grading import process as grading_process
from evaluators.grading.grader import Grader
from evaluators.types import Verdict
from tests.support.paths import ROOT

BOMB = ("x+1", r"\boxed{9^{9^{9^9}}}")
PARSER_BOMB = ("x+1", rf"\boxed{{{'(' * 145}1.5{')' * 145}}}")
RIGHT = ("x+1", r"\boxed{1+x}")
WRONG = ("x+1", r"\boxed{2+x}")


def strict(grader: Grader, *items: tuple[str, str]) -> list[Verdict]:
    return [grade.strict for grade in grader.grade(items)]


def pid_of(grader: Grader) -> int:
    assert grader._process is not None
    return grader._process.pid


def test_a_hang_is_killed_and_the_next_grades_go_on() -> None:
    with Grader(inner_seconds=60, kill_after=0.5) as grader:
        assert strict(grader, RIGHT) == [Verdict.CORRECT]
        first, started = pid_of(grader), time.monotonic()
        assert strict(grader, BOMB) == [Verdict.TIMEOUT]
        assert time.monotonic() - started < 3
        assert not Path(f"/proc/{first}").exists()
        assert strict(grader, RIGHT, WRONG) == [Verdict.CORRECT, Verdict.WRONG]
        assert pid_of(grader) != first


@pytest.mark.parametrize("bomb", [BOMB, PARSER_BOMB])
def test_the_inner_limit_saves_the_process(bomb: tuple[str, str]) -> None:
    with Grader(inner_seconds=1, kill_after=30) as grader:
        strict(grader, RIGHT)
        first, started = pid_of(grader), time.monotonic()
        assert strict(grader, bomb, RIGHT) == [Verdict.TIMEOUT, Verdict.CORRECT]
        assert time.monotonic() - started < 10
        assert pid_of(grader) == first


def test_a_worker_killed_during_a_grade_costs_that_grade_only() -> None:
    with Grader(inner_seconds=30, kill_after=30) as grader:
        strict(grader, RIGHT)
        threading.Timer(0.5, os.kill, (pid_of(grader), signal.SIGKILL)).start()
        assert strict(grader, BOMB, RIGHT, WRONG) == [Verdict.ERROR, Verdict.CORRECT, Verdict.WRONG]


def test_a_worker_killed_between_grades_costs_nothing() -> None:
    with Grader() as grader:
        strict(grader, RIGHT)
        os.kill(pid_of(grader), signal.SIGKILL)
        time.sleep(0.2)
        assert strict(grader, RIGHT, WRONG) == [Verdict.CORRECT, Verdict.WRONG]


def test_the_worker_ignores_interrupts() -> None:
    with Grader() as grader:
        strict(grader, RIGHT)
        first = pid_of(grader)
        os.kill(first, signal.SIGINT)
        assert strict(grader, RIGHT) == [Verdict.CORRECT]
        assert pid_of(grader) == first


def test_after_an_interrupt_no_late_verdict_is_taken_for_the_next() -> None:
    with Grader(inner_seconds=1, kill_after=30) as grader:
        strict(grader, RIGHT)
        threading.Timer(0.3, _thread.interrupt_main).start()
        with pytest.raises(KeyboardInterrupt):
            strict(grader, BOMB)
        assert strict(grader, RIGHT, WRONG, RIGHT) == [Verdict.CORRECT, Verdict.WRONG, Verdict.CORRECT]


def test_close_ends_the_worker_and_the_grader_can_be_used_again() -> None:
    grader = Grader()
    strict(grader, RIGHT)
    first = pid_of(grader)
    grader.close()
    grader.close()
    assert not Path(f"/proc/{first}").exists()
    assert strict(grader, RIGHT) == [Verdict.CORRECT]
    grader.close()


def test_threads_share_a_grader() -> None:
    with Grader() as grader, ThreadPoolExecutor(4) as pool:
        answers = [(f"x+{n}", rf"\boxed{{{n // 2 * 2}+x}}") for n in range(80)]
        verdicts = list(pool.map(lambda item: strict(grader, item)[0], answers))
    assert verdicts == [Verdict.CORRECT, Verdict.WRONG] * 40


def _grade_here() -> list[Verdict]:
    with Grader(inner_seconds=1) as grader:
        return strict(grader, RIGHT, BOMB, WRONG)


def test_works_within_a_spawned_pool() -> None:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        assert pool.submit(_grade_here).result() == [Verdict.CORRECT, Verdict.TIMEOUT, Verdict.WRONG]


def test_the_worker_dies_with_its_parent() -> None:
    script = (
        "from evaluators.grading.grader import Grader\n"
        f"grader = Grader(inner_seconds=1); grader.grade([{RIGHT!r}])\n"
        "print(grader._process.pid, flush=True)\n"
        f"grader.grade([{BOMB!r}] * 100)"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert parent.stdout is not None
    worker = int(parent.stdout.readline())
    assert running(worker)
    parent.kill()
    parent.communicate()
    wait_until(lambda: not running(worker), seconds=10)


def test_the_kernel_ends_a_worker_that_nobody_watches() -> None:
    ours, theirs = multiprocessing.Pipe()
    command = [sys.executable, "-P", str(grading_process._WORKER), str(theirs.fileno()), "600", "0.5", str(1 << 30)]
    with subprocess.Popen(command, pass_fds=[theirs.fileno()]) as worker:
        theirs.close()
        assert ours.recv_bytes() == b"ready"
        ours.send_bytes(json.dumps([BOMB[0], "9^{9^{9^9}}"]).encode())
        assert worker.wait(30) == -signal.SIGPROF


def test_a_worker_that_cannot_start_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text("raise SystemExit(3)")
    monkeypatch.setattr(grading_process, "_WORKER", broken)
    with Grader() as grader, pytest.raises(RuntimeError, match=r"did not start \(exit code 3\)"):
        grader.grade([RIGHT])


@pytest.mark.parametrize("seconds", [0, 0.5])
def test_inner_seconds_must_be_whole(seconds: float) -> None:
    with pytest.raises(ValueError, match="whole"):
        Grader(inner_seconds=seconds)  # type: ignore[arg-type]


def running(pid: int) -> bool:
    """Whether the process exists and is more than a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_until(condition: object, *, seconds: float) -> None:
    assert callable(condition)
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)
