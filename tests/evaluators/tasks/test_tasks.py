"""Tasks have disjoint splits and stable ids. Any problem with the data is reported in one clear sentence."""

import json
from pathlib import Path
from typing import Any, cast

import pytest

from evaluators.tasks import TASKS, Task, load_problems, options_of
from evaluators.types import Problem, Split, TaskError

LINES = [{"prompt": f"What is {n}+1?", "answer": n + 1} for n in range(200)]


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def all_splits(name: str, **arguments: Any) -> dict[Split, list[Problem]]:
    return {split: load_problems(name, split, **arguments) for split in Split}


def check_disjoint(splits: dict[Split, list[Problem]]) -> list[Problem]:
    problems = [problem for part in splits.values() for problem in part]
    assert all(problem.split is split for split, part in splits.items() for problem in part)
    assert len({problem.id for problem in problems}) == len(problems)
    assert len({problem.prompt for problem in problems}) == len(problems)
    return problems


@pytest.mark.parametrize("name", ["arithmetic", "jsonl"])
def test_splits_are_disjoint_and_deterministic(name: str, tmp_path: Path) -> None:
    arguments: dict[str, Any] = {"count": 300} if name == "arithmetic" else {"data": write(tmp_path / "d.jsonl", LINES)}
    splits = all_splits(name, **arguments)
    check_disjoint(splits)
    assert splits == all_splits(name, **arguments)


def test_arithmetic_asks_as_it_is_told_and_splits_as_before() -> None:
    plain, asked = (
        all_splits("arithmetic", count=50, **options)
        for options in ({}, {"prompt": "What is {question}?", "plus": " + "})
    )
    for split, part in plain.items():
        questions = [problem.prompt.removesuffix("=").replace("+", " + ") for problem in part]
        assert [problem.prompt for problem in asked[split]] == [f"What is {question}?" for question in questions]
        assert [(problem.id, problem.answer) for problem in asked[split]] == [(p.id, p.answer) for p in part]
    with pytest.raises(TaskError, match=r"the prompt of the task arithmetic has no \{question\}"):
        load_problems("arithmetic", Split.TRAIN, prompt="?")


def test_jsonl_splits_by_content_not_by_place(tmp_path: Path) -> None:
    splits = all_splits("jsonl", data=write(tmp_path / "a.jsonl", LINES))
    assert {split: len(part) for split, part in splits.items()} == {
        Split.TRAIN: 167,
        Split.VALIDATION: 17,
        Split.TEST: 16,
    }
    reversed_ = all_splits("jsonl", data=write(tmp_path / "b.jsonl", LINES[::-1]))
    assert {split: part[::-1] for split, part in reversed_.items()} == splits
    first = splits[Split.TRAIN][0]
    assert first == Problem(
        id="c9d9bfb3f48542d5", prompt="What is 0+1?", question="What is 0+1?", answer="1", split=Split.TRAIN
    )


def test_jsonl_fields_and_declared_splits(tmp_path: Path) -> None:
    rows = [
        {"q": " 1+1= ", "a": " 2 ", "part": "train"},
        {"q": "1/2=", "a": 0.50, "part": "validation"},
        {"q": "é?", "a": "1,000", "part": "test"},
    ]
    path = tmp_path / "d.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + "\r\n\n".join(json.dumps(row, ensure_ascii=False) for row in rows).encode())
    splits = all_splits("jsonl", data=path, prompt="q", answer="a", split="part")
    assert [(p.prompt, p.answer) for p in check_disjoint(splits)] == [(" 1+1= ", "2"), ("1/2=", "0.5"), ("é?", "1,000")]


GOOD = '{"prompt": "1+1=", "answer": 2}\n'
BROKEN = {
    "not JSON": (GOOD + '{"prompt": "x"', r"d\.jsonl:2 is not JSON: .* at column \d+; fix the line"),
    "a list": ("[1, 2]", r"d\.jsonl:1 is a JSON list, not an object"),
    "NaN": ('{"prompt": "x", "answer": NaN}', r"d\.jsonl:1 is not valid JSON: NaN"),
    "endless number": ('{"prompt": "x", "answer": ' + "9" * 5000 + "}", r"d\.jsonl:1 is not valid JSON"),
    "endless nesting": ("[" * 100_000, r"d\.jsonl:1 is not (valid )?JSON"),
    "missing field": (GOOD + '{"question": "x", "answer": 2}', r"d\.jsonl:2 has no field 'prompt', only question, ans"),
    "missing answer": (GOOD + '{"prompt": "x"}', r"d\.jsonl:2 has no field 'answer'"),
    "no fields": (GOOD + "{}", r"d\.jsonl:2 has no field 'prompt', only an empty object"),
    "empty prompt": ('{"prompt": "  ", "answer": 2}', r"d\.jsonl:1: 'prompt' is empty"),
    "empty answer": (GOOD + '{"prompt": "x", "answer": ""}', r"d\.jsonl:2: 'answer' is empty"),
    "null": ('{"prompt": "x", "answer": null}', r"d\.jsonl:1: 'answer' must be a text or a number, not None"),
    "boolean": ('{"prompt": "x", "answer": true}', r"d\.jsonl:1: 'answer' must be a text or a number, not True"),
    "list": ('{"prompt": "x", "answer": [2]}', r"d\.jsonl:1: 'answer' must be a text or a number"),
    "duplicate": (GOOD + "\n" + '{"prompt": "1+1= ", "answer": 3}', r"d\.jsonl:3 repeats the prompt of .*d\.jsonl:1;"),
    "half a surrogate": ('{"prompt": "\\ud800", "answer": 1}', r"d\.jsonl:1 has half of a surrogate pair"),
    "empty file": ("\n \n", r"d\.jsonl is empty"),
    "no such split": (GOOD, r"d\.jsonl has 1 problems, but none in the \w+ split"),
}


@pytest.mark.parametrize(("content", "message"), BROKEN.values(), ids=BROKEN)
def test_broken_lines(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "d.jsonl"
    path.write_text(content)
    with pytest.raises(TaskError, match=message) as error:
        all_splits("jsonl", data=path)
    assert "\n" not in str(error.value)


def test_broken_files(tmp_path: Path) -> None:
    latin = tmp_path / "latin.jsonl"
    latin.write_bytes('{"prompt": "é", "answer": 1}'.encode("latin-1"))
    declared = write(tmp_path / "d.jsonl", [{"prompt": "x", "answer": 1, "part": "algebra"}])
    (tmp_path / "empty").mkdir()
    cases: list[tuple[dict[str, Any], str]] = [
        ({"data": tmp_path / "none.jsonl"}, "there is no file .*none.jsonl"),
        (
            {"data": tmp_path / "empty"},
            "the folder .*empty has no file that can be read; use a file of one of the types",
        ),
        ({"data": tmp_path / "*.csv"}, r"\*\.csv matches no file; use a file of one of the types \.jsonl, .*\.gz"),
        ({"data": latin}, r"latin\.jsonl is not UTF-8 \(byte 12\)"),
        ({}, "the task jsonl needs a file; pass its path as --data, or name a data set of the hub by hub="),
        ({"data": declared, "split": "part"}, "d.jsonl:1: 'part' is 'algebra'; it must be train, validation, valid, "),
        ({"data": declared, "split": "no"}, "has no field 'no', only prompt, answer, part"),
    ]
    for arguments, message in cases:
        with pytest.raises(TaskError, match=message):
            load_problems("jsonl", Split.TRAIN, **arguments)


def test_unknown_names() -> None:
    with pytest.raises(
        TaskError, match=r"unknown task 'gsmk8', did you mean 'gsm8k'.*arithmetic, gsm8k, jsonl, math, math500"
    ):
        load_problems("gsmk8", Split.TRAIN)
    with pytest.raises(TaskError, match="unknown task 'zzz'; known tasks"):
        load_problems("zzz", Split.TRAIN)
    with pytest.raises(TaskError, match="no option 'promt', did you mean 'prompt'"):
        load_problems("jsonl", Split.TRAIN, data="x", promt="q")
    with pytest.raises(TaskError, match=r"no option 'qqq'; its options: prompt$"):
        load_problems("gsm8k", Split.TRAIN, qqq=1)
    for name in ("gsm8k", "reasoning_gym:gcd"):
        for option in ("split", "whole", "variant"):
            with pytest.raises(TaskError, match=f"no option '{option}'"):
                load_problems(name, Split.TRAIN, **{option: True})


@pytest.mark.parametrize("name", TASKS)
def test_every_option_of_every_task_refuses_a_value_of_another_type(name: str) -> None:
    for option in options_of(name) or ["prompt", "seed", "count"]:
        with pytest.raises(TaskError, match=rf"its option {option} must be .*, not \[\[\]\]"):
            load_problems(name, Split.TRAIN, **{option: [[]]})


class Words:
    """A type that only its task understands."""


def test_other_types_of_options_are_left_to_the_task(monkeypatch: pytest.MonkeyPatch) -> None:
    """A task of another package may take a list for a tuple, a text for a path, or a type of its own."""

    def build(
        split: Split,
        *,
        data: Path | None,
        several: tuple[str, ...],
        path: Path,
        own: Words,
        later: "Unknown",  # type: ignore[name-defined]  # noqa: F821
    ) -> list[Problem]:
        return [Problem(id=f"{several} {path} {own} {later}", prompt="1+1=", answer="2", split=split)]

    monkeypatch.setitem(cast(dict[str, Task], TASKS), "odd", Task(build=build))
    (problem,) = load_problems("odd", Split.TRAIN, several=["a"], path="b", own="c", later="d")
    assert problem.id == "['a'] b c d"


@pytest.mark.parametrize("name", TASKS)
def test_every_task_refuses_or_reads_data_that_is_not_there(name: str, tmp_path: Path) -> None:
    with pytest.raises(TaskError, match=r"nowhere"):
        load_problems(name, Split.TEST, data=tmp_path / "nowhere")
