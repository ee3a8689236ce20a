"""MATH from files and from the hub. MATH-500 is not used for training."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import datasets
import huggingface_hub
import pytest

from evaluators.grading.extraction import tidy
from evaluators.tasks import load_problems
from evaluators.tasks.math import SUBJECTS
from evaluators.types import Problem, Split, TaskError
from tests.support.paths import ROOT

Row = dict[str, Any]

HELD_OUT: list[Row] = [
    {
        "problem": f"Held out:\n\\[{n} + x = 1.\\]  Find $x.$",
        "solution": f"It is $\\boxed{{{1 - n}}}.$",
        "answer": f"{1 - n}",
        "subject": "Algebra",
        "level": 2,
        "unique_id": f"test/algebra/{n}.json",
    }
    for n in range(50)
]


def hub_row(problem: str, solution: str) -> Row:
    """A row as the hub documents it."""
    return {"problem": problem, "level": "Level 5", "type": "Algebra", "solution": solution}


TRAIN = [hub_row(f"What is $\\frac{{{n}}}{{2}}$?", f"It is $\\boxed{{\\frac{{{n}}}{{2}}}}$.") for n in range(400)]
OVERLAP = [hub_row(row["problem"].replace("  ", "\n").replace("\\]", " \\]"), row["solution"]) for row in HELD_OUT]
AGAIN = [hub_row(row["problem"].replace(" ", "  ") + "\n", "It is $\\boxed{0}$.") for row in TRAIN[:9]]
PUBLISHED = [*OVERLAP[:25], *TRAIN, *AGAIN, *OVERLAP[25:]]


def write(path: Path, rows: list[Row]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path / "math_train.jsonl", PUBLISHED)
    write(tmp_path / "math500_test.jsonl", HELD_OUT)
    return tmp_path


@pytest.fixture
def math_500(data_dir: Path) -> list[Row]:
    path = data_dir / "math500_test.jsonl"
    if not path.is_file():
        pytest.skip(f"no {path.name} in {data_dir}")
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def all_splits(data: Path | str | None = None) -> dict[Split, list[Problem]]:
    return {split: load_problems("math", split, data=data) for split in Split}


def test_math_500(math_500: list[Row], data_dir: Path) -> None:
    problems = load_problems("math", Split.TEST, data=data_dir)
    assert [problem.answer for problem in problems] == [row["answer"] for row in math_500]
    assert all(row["problem"] in problem.prompt for problem, row in zip(problems, math_500, strict=True))
    assert len({problem.id for problem in problems}) == 500
    assert problems[0].id == "3389a84373d36037"


def test_without_the_field_the_box_says_the_same(math_500: list[Row], tmp_path: Path) -> None:
    path = write(tmp_path / "math500_test.jsonl", [hub_row(row["problem"], row["solution"]) for row in math_500])
    answers = [problem.answer for problem in load_problems("math", Split.TEST, data=path.parent)]
    assert answers == [tidy(row["answer"]) for row in math_500]


@pytest.mark.parametrize("pattern", ["", "math*.jsonl"])
def test_math_500_is_never_trained_on(folder: Path, pattern: str) -> None:
    splits = all_splits(folder / pattern)
    assert splits == all_splits(folder)
    problems = [problem for part in splits.values() for problem in part]
    assert len({"".join(problem.prompt.split()) for problem in problems}) == len(problems)
    assert len({problem.id for problem in problems}) == len(problems)
    assert all(problem.split is split for split, part in splits.items() for problem in part)
    assert len(splits[Split.TEST]) == 50
    assert {p.split for p in problems if "Held out" in p.prompt} == {Split.TEST}


def test_of_repeated_questions_the_first_counts(folder: Path) -> None:
    splits = all_splits(folder)
    trained = splits[Split.TRAIN] + splits[Split.VALIDATION]
    assert len(trained) == 400
    assert {problem.answer for problem in trained} == {rf"\frac{{{n}}}{{2}}" for n in range(400)}


def test_validation_follows_from_the_question_alone(folder: Path) -> None:
    splits = all_splits(folder)
    assert len(splits[Split.VALIDATION]) == 17
    write(folder / "math_train.jsonl", [*TRAIN[::-1], hub_row("Another?", "$\\boxed{1}$")])
    later = all_splits(folder)
    assert set(splits[Split.VALIDATION]) <= set(later[Split.VALIDATION])
    assert set(splits[Split.TRAIN]) <= set(later[Split.TRAIN])


def test_a_single_file_is_split_on_its_own(folder: Path) -> None:
    splits = all_splits(folder / "math_train.jsonl")
    assert all(splits.values()) and sum(map(len, splits.values())) == 450


def test_prompts_keep_their_braces(folder: Path) -> None:
    asked = load_problems("math", Split.TRAIN, data=folder, prompt=r"{question} {x} \boxed{}")[0]
    assert asked.prompt == r"What is $\frac{0}{2}$? {x} \boxed{}"
    with pytest.raises(TaskError, match=r"the prompt of the task math has no \{question\}"):
        load_problems("math", Split.TRAIN, data=folder, prompt="no place for it")


def test_a_missing_file_is_named_and_where_it_comes_from(folder: Path) -> None:
    (folder / "math_train.jsonl").unlink()
    assert len(load_problems("math", Split.TEST, data=folder)) == 50
    for split in (Split.TRAIN, Split.VALIDATION):
        with pytest.raises(TaskError, match=r"there is no file .*math_train\.jsonl; .*EleutherAI/hendrycks_math"):
            load_problems("math", split, data=folder)
    (folder / "math500_test.jsonl").rename(folder / "math_train.jsonl")
    for split in Split:  # without MATH-500, it is not known what may be trained on
        with pytest.raises(TaskError, match=r"there is no file .*math500_test\.jsonl; .*HuggingFaceH4/MATH-500"):
            load_problems("math", split, data=folder)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"problem": "x", "solution": "It is 5."}, r"one\.jsonl:1: 'solution' has no answer in a \\boxed"),
        ({"problem": "x", "solution": "$\\boxed{5$"}, r"one\.jsonl:1: 'solution' has no answer in a \\boxed"),
        ({"problem": "x", "answer": " "}, r"one\.jsonl:1: 'answer' is empty"),
        ({"problem": "x"}, r"one\.jsonl:1 has no field 'solution'"),
        (
            {"question": "x", "answer": "5"},
            r"one\.jsonl has no column 'problem'; its columns: question, answer; pass --task 'jsonl:prompt=question'$",
        ),
    ],
)
def test_broken_lines(tmp_path: Path, row: Row, message: str) -> None:
    with pytest.raises(TaskError, match=message) as error:
        load_problems("math", Split.TEST, data=write(tmp_path / "one.jsonl", [row]))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("offline", [True, False])
def test_the_hub_gives_the_same_problems_as_files(offline: bool, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test replaces only the network, with rows of the documented form. The authors could not reach a hub."""
    parts = {subject: PUBLISHED[n * 66 : (n + 1) * 66] for n, subject in enumerate(SUBJECTS)}
    parts[SUBJECTS[-1]] = PUBLISHED[6 * 66 :]
    reached: list[str] = []

    def load(name: str, config: str, *, split: str) -> list[Row]:
        if name == "HuggingFaceH4/MATH-500":
            assert (config, split) == ("default", "test")
            return HELD_OUT
        assert (name, split) == ("EleutherAI/hendrycks_math", "train+test")
        return parts[config]

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", offline)
    monkeypatch.setattr(huggingface_hub.HfApi, "dataset_info", lambda _, name, **__: reached.append(name))
    monkeypatch.setattr(datasets, "load_dataset", load)
    assert all_splits() == all_splits(folder)
    assert set(reached) == (set() if offline else {"EleutherAI/hendrycks_math", "HuggingFaceH4/MATH-500"})


@pytest.mark.parametrize("setting", ["HF_ENDPOINT=http://127.0.0.1:9", "HF_HUB_OFFLINE=1"])
def test_without_a_hub_it_fails_quickly(setting: str, tmp_path: Path) -> None:
    """This test uses a real process with an empty cache."""
    code = """
import time, datasets
from evaluators.tasks import load_problems
from evaluators.types import Split
start = time.perf_counter()
try:
    load_problems("math", Split.TRAIN)
except ValueError as error:
    print(type(error).__name__, time.perf_counter() - start, error)
"""
    name, value = setting.split("=")
    environment = {k: v for k, v in os.environ.items() if not k.startswith("HF_")}
    environment |= {"HF_HOME": str(tmp_path), name: value}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True, cwd=ROOT
    )
    kind, seconds, message = done.stdout.strip().split(" ", 2)
    assert kind == "TaskError" and float(seconds) < 12
    assert "\n" not in message and "EleutherAI/hendrycks_math" in message
    assert "pass --data with a folder that has math_train.jsonl and math500_test.jsonl" in message
