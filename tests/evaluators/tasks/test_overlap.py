"""Held-out problems that are also in the training set: planted ones, and those of the published data sets."""

import string
from pathlib import Path

import pytest

from evaluators.tasks import load_problems
from evaluators.tasks.overlap import COMMON, GRAM, Overlap, overlap
from evaluators.types import Problem, Split


def problem(name: str, question: str, template: str = "") -> Problem:
    return Problem(id=name, prompt=template + question, question=question, answer="1", split=Split.TRAIN)


WORDS = list(string.ascii_lowercase)


def test_planted_overlaps_are_found() -> None:
    train = [problem("t0", " ".join(WORDS)), problem("t1", "1+2+3="), problem("t2", "How many?")]
    held_out = [
        problem("same", "  A b " + " ".join(WORDS[2:]).upper()),
        problem("part", "so " + " ".join(WORDS[5 : 5 + GRAM]) + " it is"),
        problem("shorter part", "so " + " ".join(WORDS[5 : 5 + GRAM - 1]) + " it is"),
        problem("short and same", "how  many?"),
        problem("another sign", "1+2*3="),
        problem("new", "What is one more than two?"),
    ]
    found = overlap(train, held_out)
    assert (found.train, found.held_out, found.same, found.near) == (3, 6, 2, 3)
    assert set(found.examples) == {("same", "t0"), ("part", "t0"), ("short and same", "t2")}


def test_the_template_of_the_prompts_is_not_compared() -> None:
    template = " ".join(WORDS) + ": "
    found = overlap([problem("a", "One?", template)], [problem("b", "Two?", template)])
    assert found == Overlap(train=1, held_out=1, same=0, near=0, examples=())


@pytest.mark.parametrize(("copies", "near"), [(COMMON, 2), (COMMON + 1, 1)])
def test_what_many_training_problems_share_is_a_template(copies: int, near: int) -> None:
    """The typical case is the question of a generated task. The same question is found even if its words are common."""
    shared = " ".join(WORDS)
    train = [problem(f"t{i}", f"{shared} {i}?") for i in range(copies)]
    found = overlap(train, [problem("other", f"{shared} 99?"), problem("same", f"{shared} 1?")])
    assert (found.same, found.near) == (1, near)


def test_the_embedded_task_is_disjoint() -> None:
    parts = [load_problems("arithmetic", split, count=2000) for split in (Split.TRAIN, Split.TEST)]
    assert overlap(*parts).near == 0


@pytest.mark.parametrize(("name", "file", "same", "near"), [("gsm8k", "gsm8k_test.jsonl", 0, 4)])
def test_published_sets(name: str, file: str, same: int, near: int, data_dir: Path) -> None:
    if not (data_dir / file).is_file():
        pytest.skip(f"no {file} in {data_dir}")
    train, test = (load_problems(name, split, data=data_dir) for split in (Split.TRAIN, Split.TEST))
    found = overlap(train, test)
    assert (found.held_out, found.same, found.near) == (1319, same, near)
