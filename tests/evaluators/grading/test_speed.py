"""A policy that writes hard expressions neither stalls the training nor changes a verdict."""

import random
import time

import pytest

from benchmarks.grading import batch
from evaluators.grading import grader as module
from evaluators.grading.grader import Grader
from evaluators.grading.memory import Memory
from evaluators.grading.process import Reply, Request
from evaluators.types import Verdict
from tests.support.scored import countdown

BOMBS, COMPLETIONS = 32, 256
CPU_SECONDS = 2.0
"""The limit is in CPU seconds, because time on the clock depends on how busy the machine is."""


def test_bombs_among_completions_take_seconds() -> None:
    items = batch(COMPLETIONS, BOMBS)
    assert len(set(items)) > BOMBS
    with Grader() as grader:
        before = time.process_time()
        grades = grader.grade(items)
        spent = time.process_time() - before
        assert grader._process is None
    assert spent < CPU_SECONDS
    assert [grade.strict for grade in grades].count(Verdict.CORRECT) == 149


def test_verdicts_do_not_depend_on_what_stands_beside_them() -> None:
    items = batch(60, 12)
    shuffled = random.Random(0).sample(items, len(items))
    with Grader() as first, Grader() as second:
        together = dict(zip(items, first.grade(items), strict=True))
        backwards = dict(zip(shuffled, second.grade(shuffled), strict=True))
        assert together == backwards
    with Grader(remembered=1) as alone:
        assert {item: alone.grade([item])[0] for item in items[:30]} == {item: together[item] for item in items[:30]}


def test_integers_take_microseconds_and_no_process() -> None:
    with Grader() as grader:
        before = time.process_time()
        grader.grade([("18", "So it is 18.\n#### 18"), ("18", "#### 19")] * 2000)
        assert time.process_time() - before < CPU_SECONDS / 2
        assert grader._process is None


class Counting:
    """Takes the place of the processes, and counts the questions. ``3*x`` can never be decided."""

    def __init__(self, **limits: float) -> None:
        self.asked: list[Request] = []
        self.alive = True

    def judge(self, requests: list[Request]) -> dict[Request, Reply]:
        self.asked += requests
        return {one: Reply(verdict=Verdict.WRONG, lasting=one[-1] != "3*x") for one in requests}

    def close(self) -> None:
        self.alive = False


def asked(monkeypatch: pytest.MonkeyPatch, *batches: list[str], **limits: int) -> list[str]:
    """The questions that the processes get for these batches of answers."""
    made: list[Counting] = []
    monkeypatch.setattr(module, "GradingProcess", lambda **limits: made.append(Counting()) or made[-1])
    with Grader(**limits) as grader:
        for answers in batches:
            found = grader.grade([(countdown([3, 7], 21), f"#### {answer}") for answer in answers])
            assert {grade.strict for grade in found} == {Verdict.WRONG}
    return [answer for one in made for *_, answer in one.asked]


def test_equal_answers_are_scored_once(monkeypatch: pytest.MonkeyPatch) -> None:
    assert asked(monkeypatch, ["3+2", "3+3", "3+2"], ["3+3", "3+4"], ["3+2"]) == ["3+2", "3+3", "3+4"]


def test_what_something_from_outside_ended_is_scored_again(monkeypatch: pytest.MonkeyPatch) -> None:
    assert asked(monkeypatch, ["3*x", "3+2"], ["3*x", "3+2"]) == ["3*x", "3+2", "3*x"]


def test_the_oldest_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    assert asked(monkeypatch, ["3+2"], ["3+3"], ["3+2"], remembered=1) == ["3+2", "3+3", "3+2"]
    memory = Memory(2)
    memory.put(("a",), Verdict.WRONG)
    memory.put(("b",), Verdict.CORRECT)
    assert memory.get(("a",)) is Verdict.WRONG
    memory.put(("c",), Verdict.TIMEOUT)
    assert (len(memory), memory.get(("b",)), memory.get(("a",))) == (2, None, Verdict.WRONG)
