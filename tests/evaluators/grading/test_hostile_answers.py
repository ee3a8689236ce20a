"""No answer hangs the grader, fills the memory, runs code, disturbs the next answer, or is accepted."""

import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from evaluators.grading.grader import Grader
from evaluators.types import Verdict
from tests.support.hostile import EXPECTED, TEXTS

KILL_AFTER = 4.0
MEMORY = 1 << 30


@pytest.fixture(scope="module")
def grader() -> Iterator[Grader]:
    with Grader(inner_seconds=1, kill_after=KILL_AFTER, memory_bytes=MEMORY) as grader:
        yield grader


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_hostile_answer(grader: Grader, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for expected in EXPECTED:
        started = time.monotonic()
        grade = grader.grade([(expected, text)])[0]
        assert Verdict.CORRECT not in (grade.strict, grade.lenient)
        assert time.monotonic() - started < KILL_AFTER + 2
    assert peak_memory(grader) <= MEMORY
    assert not list(tmp_path.iterdir())
    right, wrong = grader.grade([("x^2+1", r"\boxed{1+x^2}"), ("x^2+1", r"\boxed{x^2}")])
    assert (right.strict, wrong.strict) == (Verdict.CORRECT, Verdict.WRONG)


def test_there_are_enough() -> None:
    assert len(set(TEXTS)) >= 90


def test_memory_is_limited() -> None:
    limit = 200 << 20
    with Grader(inner_seconds=4, kill_after=20, memory_bytes=limit) as grader:
        heavy = r"\gcd(10^{10^{9}}, 10^{10^{8}})"  # also expected, otherwise the grader would not try it
        bomb, after = grader.grade([(f"x+{heavy}", rf"\boxed{{{heavy}}}"), ("x+1", r"\boxed{1+x}")])
        assert bomb.strict in (Verdict.ERROR, Verdict.WRONG, Verdict.TIMEOUT)
        assert after.strict is Verdict.CORRECT
        assert peak_memory(grader) <= limit


def peak_memory(grader: Grader) -> int:
    """The largest address space of the worker and its children so far, in bytes. 0 if it cannot be read."""
    if grader._process is None or not Path("/proc").is_dir():
        return 0
    worker = psutil.Process(grader._process.pid)
    return max(_peak(pid) for pid in (worker.pid, *(child.pid for child in worker.children())))


def _peak(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    fields = dict(line.split(":", 1) for line in lines)
    return int(fields["VmPeak"].split()[0]) * 1024
