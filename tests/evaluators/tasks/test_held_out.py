"""Tasks whose problems are all held out: MATH-500 and AIME."""

import json
from pathlib import Path
from typing import Any

import datasets
import huggingface_hub
import pytest

from evaluators.tasks import load_problems
from evaluators.types import Split, TaskError

Row = dict[str, Any]
AIME_2024: list[Row] = [{"id": n, "problem": f"Find {n}.", "answer": f"{n:03}", "year": "2024"} for n in range(30)]
AIME_2025: list[Row] = [{"problem": f"Find {n}.", "answer": str(n), "id": str(n)} for n in range(30, 60)]


def write(path: Path, rows: list[Row]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.mark.parametrize("task", ["aime", "math500"])
@pytest.mark.parametrize("split", [Split.TRAIN, Split.VALIDATION])
@pytest.mark.parametrize("alone", [True, False])
def test_they_are_not_trained_on(task: str, split: Split, alone: bool, tmp_path: Path) -> None:
    for name in ("aime.jsonl", "math500_test.jsonl", "math_train.jsonl"):
        write(tmp_path / name, AIME_2025)
    data = tmp_path / "aime.jsonl" if alone else tmp_path
    with pytest.raises(
        TaskError, match=f"the task {task} has no {split} split, because all of it is held out; train on"
    ):
        load_problems(task, split, data=data)
    assert len(load_problems(task, Split.TEST, data=data)) == 30


def test_math_500_is_the_test_split_of_math(data_dir: Path) -> None:
    path = data_dir / "math500_test.jsonl"
    if not path.is_file():
        pytest.skip(f"no {path.name} in {data_dir}")
    problems = load_problems("math500", Split.TEST, data=path)
    assert problems == load_problems("math", Split.TEST, data=data_dir)
    assert len(problems) == 500
    asked = load_problems("math500", Split.TEST, data=data_dir, prompt="{question}")
    assert [problem.question or problem.prompt for problem in asked] == [problem.question for problem in problems]


def test_aime_comes_from_two_sets_of_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test replaces only the network, with rows of the documented form. The authors could not reach a hub."""
    parts = {("HuggingFaceH4/aime_2024", "train"): AIME_2024, ("math-ai/aime25", "test"): AIME_2025}
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(datasets, "load_dataset", lambda name, config, *, split: parts[name, split])
    problems = load_problems("aime", Split.TEST)
    assert problems == load_problems("aime", Split.TEST, data=write(tmp_path / "aime.jsonl", AIME_2024 + AIME_2025))
    assert [problem.answer for problem in problems] == [str(n) for n in range(60)]
    assert all(problem.prompt.count(problem.question) == 1 for problem in problems)


def test_without_a_hub_the_one_file_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def unreachable(*_: object, **__: object) -> None:
        raise ConnectionError("no route")

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(huggingface_hub.HfApi, "dataset_info", unreachable)
    with pytest.raises(TaskError, match=r"aime_2024 \(ConnectionError\); pass --data with a folder that has aime\.j"):
        load_problems("aime", Split.TEST)
    with pytest.raises(TaskError, match=r"hub's HuggingFaceH4/aime_2024 \(train\) and math-ai/aime25 \(test\) there"):
        load_problems("aime", Split.TEST, data=tmp_path)


@pytest.mark.parametrize("answer", ["1000", "-3", "1/2", "7.0"])
def test_an_aime_answer_is_an_integer_below_1000(answer: str, tmp_path: Path) -> None:
    path = write(tmp_path / "aime.jsonl", [{"problem": "Find x.", "answer": answer}])
    with pytest.raises(TaskError, match=rf"aime\.jsonl:1: 'answer' is '{answer}', not an integer from 0 to 999"):
        load_problems("aime", Split.TEST, data=path)
