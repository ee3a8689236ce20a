"""The worker may hang, crash or be interrupted. This loses one verdict, and never the next one."""

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from evaluators.grading import process as grading_process
from evaluators.grading.grader import Grader
from evaluators.grading.process import GradingProcess, Reply
from evaluators.types import Verdict
from tests.support.paths import ROOT
from tests.support.scored import BOMB, INTERRUPTED, RIGHT, SLOW, WRONG, Item, fresh

pytest.importorskip("reasoning_gym", reason="the extra reasoning-gym is not installed")


def strict(grader: Grader, *items: Item) -> list[Verdict]:
    return [grade.strict for grade in grader.grade(items)]


def pid_of(grader: Grader) -> int:
    assert grader._process is not None
    return grader._process.pid


def children_of(grader: Grader) -> set[int]:
    return {child.pid for child in psutil.Process(pid_of(grader)).children()}


def busy_child_of(grader: Grader) -> int:
    """The child with the most CPU time."""
    return max(psutil.Process(pid_of(grader)).children(), key=lambda child: sum(child.cpu_times()[:2])).pid


def test_a_hang_is_killed_and_the_next_grades_go_on() -> None:
    with Grader(inner_seconds=60, kill_after=0.5) as grader:
        assert strict(grader, RIGHT) == [Verdict.CORRECT]
        before, started = children_of(grader), time.monotonic()
        assert strict(grader, BOMB) == [Verdict.TIMEOUT]
        assert time.monotonic() - started < 3
        assert strict(grader, fresh(2), WRONG) == [Verdict.CORRECT, Verdict.WRONG]
        assert len(before - children_of(grader)) == 1
        assert len(children_of(grader)) == len(before)


def test_the_inner_limit_saves_the_process() -> None:
    with Grader(inner_seconds=0.5, kill_after=30) as grader:
        strict(grader, RIGHT)
        before, started = children_of(grader), time.monotonic()
        assert strict(grader, INTERRUPTED, fresh(2)) == [Verdict.TIMEOUT, Verdict.CORRECT]
        assert time.monotonic() - started < 10
        assert children_of(grader) == before


def test_a_long_comparison_does_not_hold_up_the_others() -> None:
    bomb, *others = (
        (scored.scorer, scored.entry, text.removeprefix("#### ")) for scored, text in (BOMB, *map(fresh, range(2, 42)))
    )
    process = GradingProcess(inner_seconds=2, kill_after=2, memory_bytes=1 << 30)
    try:
        *first, last = process.judge([bomb, *others]).items()
    finally:
        process.close()
    assert [request for request, _ in first] == others, "they are replied to before it, in turn"
    assert last == (bomb, Reply(verdict=Verdict.TIMEOUT))


def test_limits_are_of_cpu_time_and_not_of_the_clock() -> None:
    """A comparison that is paused for longer than all limits still ends as it would have ended."""
    with Grader(inner_seconds=5, kill_after=6) as grader:
        strict(grader, RIGHT)
        worker = psutil.Process(pid_of(grader))
        before = spent_by_children(worker)
        stopped = threading.Event()

        def stop() -> None:
            wait_until(lambda: spent_by_children(worker) > before + 0.05, seconds=30)
            os.killpg(worker.pid, signal.SIGSTOP)
            stopped.set()
            time.sleep(8)
            os.killpg(worker.pid, signal.SIGCONT)

        thread = threading.Thread(target=stop)
        thread.start()
        assert strict(grader, SLOW) == [Verdict.WRONG]
        assert stopped.is_set()
        thread.join()


def spent_by_children(worker: psutil.Process) -> float:
    return sum(sum(child.cpu_times()[:2]) for child in worker.children())


def test_processes_that_stand_still_are_killed_at_last(monkeypatch: pytest.MonkeyPatch) -> None:
    with Grader() as grader:
        strict(grader, RIGHT)
        os.killpg(pid_of(grader), signal.SIGSTOP)
        with monkeypatch.context() as hurried:
            hurried.setattr(grading_process, "PATIENCE", 0.5)
            assert strict(grader, fresh(2)) == [Verdict.TIMEOUT]
        assert strict(grader, fresh(2)) == [Verdict.CORRECT], "what came from outside is not remembered"


@pytest.mark.parametrize("victim", [busy_child_of, pid_of])
def test_a_worker_killed_during_a_grade_costs_that_grade_only(victim: Callable[[Grader], int]) -> None:
    with Grader(inner_seconds=3, kill_after=3) as grader:
        strict(grader, RIGHT)
        threading.Timer(0.5, lambda: os.kill(victim(grader), signal.SIGKILL)).start()
        first, *others = strict(grader, BOMB, fresh(2), WRONG)
        assert first in (Verdict.ERROR, Verdict.TIMEOUT)
        assert others == [Verdict.CORRECT, Verdict.WRONG]
        assert strict(grader, fresh(3)) == [Verdict.CORRECT]


@pytest.mark.parametrize("victims", [lambda grader: [pid_of(grader)], children_of])
def test_a_worker_killed_between_grades_costs_nothing(victims: Callable[[Grader], Iterable[int]]) -> None:
    with Grader() as grader:
        strict(grader, RIGHT)
        for victim in victims(grader):
            os.kill(victim, signal.SIGKILL)
        time.sleep(0.2)
        assert strict(grader, fresh(2), WRONG) == [Verdict.CORRECT, Verdict.WRONG]


def test_the_workers_ignore_interrupts() -> None:
    with Grader() as grader:
        strict(grader, RIGHT)
        first = {pid_of(grader), *children_of(grader)}
        for pid in first:
            os.kill(pid, signal.SIGINT)
        assert strict(grader, fresh(2)) == [Verdict.CORRECT]
        assert {pid_of(grader), *children_of(grader)} == first


def test_after_an_interrupt_no_late_verdict_is_taken_for_the_next() -> None:
    with Grader(inner_seconds=1, kill_after=30) as grader:
        strict(grader, RIGHT)
        threading.Timer(0.3, signal.pthread_kill, (threading.get_ident(), signal.SIGINT)).start()
        with pytest.raises(KeyboardInterrupt):
            strict(grader, BOMB)
        assert strict(grader, fresh(2), WRONG, fresh(3)) == [Verdict.CORRECT, Verdict.WRONG, Verdict.CORRECT]


def test_close_ends_the_worker_and_the_grader_can_be_used_again() -> None:
    grader = Grader()
    strict(grader, RIGHT)
    first = {pid_of(grader), *children_of(grader)}
    grader.close()
    grader.close()
    wait_until(lambda: not any(map(running, first)), seconds=5)
    assert strict(grader, fresh(2)) == [Verdict.CORRECT]
    grader.close()


def test_threads_share_a_grader() -> None:
    with Grader() as grader, ThreadPoolExecutor(4) as pool:
        answers = [(fresh(n // 2 + 2)[0], f"#### 7{'*+'[n % 2]}{n // 2 + 2}") for n in range(80)]
        verdicts = list(pool.map(lambda item: strict(grader, item)[0], answers))
    assert verdicts == [Verdict.CORRECT, Verdict.WRONG] * 40


def _grade_here() -> list[Verdict]:
    with Grader(inner_seconds=1, kill_after=1) as grader:
        return strict(grader, RIGHT, BOMB, WRONG)


def test_works_within_a_spawned_pool() -> None:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        assert pool.submit(_grade_here).result() == [Verdict.CORRECT, Verdict.TIMEOUT, Verdict.WRONG]


def test_the_workers_die_with_their_parent() -> None:
    script = (
        "import psutil\nfrom evaluators.grading.grader import Grader\nfrom evaluators.types import Rubric\n"
        f"grader = Grader(inner_seconds=1); grader.grade([{RIGHT!r}])\n"
        "worker = psutil.Process(grader._process.pid)\n"
        "print(worker.pid, *(child.pid for child in worker.children()), flush=True)\n"
        f"grader.grade([{BOMB!r}])"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert parent.stdout is not None
    workers = [int(pid) for pid in parent.stdout.readline().split()]
    assert len(workers) > 2 and all(map(running, workers))
    parent.kill()
    parent.communicate()
    wait_until(lambda: not any(map(running, workers)), seconds=10)


def test_the_kernel_ends_a_worker_that_nobody_watches() -> None:
    ours, theirs = multiprocessing.Pipe()
    command = [sys.executable, "-P", str(grading_process._WORKER), "600", "0.5", str(1 << 30), str(theirs.fileno())]
    with subprocess.Popen(command, pass_fds=[theirs.fileno()]) as worker:
        theirs.close()
        assert ours.recv_bytes() == b"ready"
        scored, text = BOMB
        ours.send_bytes(json.dumps([scored.scorer, scored.entry, text.removeprefix("#### ")]).encode())
        ours.close()
        assert worker.wait(30) == 0


def test_a_worker_that_cannot_start_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text("raise SystemExit(3)")
    monkeypatch.setattr(grading_process, "_WORKER", broken)
    with Grader() as grader, pytest.raises(RuntimeError, match=r"did not start \(exit code 3\)"):
        grader.grade([RIGHT])


@pytest.mark.parametrize("limit", ["inner_seconds", "kill_after"])
def test_limits_must_be_positive(limit: str) -> None:
    with pytest.raises(ValueError, match=f"{limit} must be more than 0, not 0"):
        Grader(**{limit: 0})  # type: ignore[arg-type]


def test_there_are_two_children_at_least_and_not_many(monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for cores in (1, 2, 3, 128):
        monkeypatch.setattr(os, "sched_getaffinity", lambda _, n=cores: set(range(n)), raising=False)
        found.append(grading_process.children())
    assert found == [2, 2, 3, grading_process.MOST]


def running(pid: int) -> bool:
    """Whether the process exists and is not a zombie."""
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
