"""SVAMP from files and from the hub."""

import json
import re
from pathlib import Path
from typing import Any

import datasets
import huggingface_hub
import pytest

from evaluators.tasks import load_problems
from evaluators.types import Split, TaskError

Row = dict[str, Any]


def row(n: int, answer: object = 2.0) -> Row:
    return {"Body": f"Ann has {n} pears and eats {n - 2}.", "Question": "How many are left?", "Answer": answer}


def write(path: Path, rows: list[Row]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def svamp(data_dir: Path) -> Path:
    if not (data_dir / "svamp_test.jsonl").is_file():
        pytest.skip(f"no svamp_test.jsonl in {data_dir}")
    return data_dir


def test_the_published_file(svamp: Path) -> None:
    """This file has all 1000 problems: the train and the test set of the hub."""
    problems = load_problems("svamp", Split.TEST, data=svamp)
    assert len(problems) == len({problem.id for problem in problems}) == 1000
    assert all(re.fullmatch(r"[0-9]+", problem.answer) for problem in problems)
    assert problems[0].id == "aea7c1d172a4ee65" and problems[0].answer == "145"
    assert problems[1].question == (
        "Marco and his dad went strawberry picking. Marco's dad's strawberries weighed 11 pounds. "
        "If together their strawberries weighed 30 pounds. How much did Marco's strawberries weigh?"
    )
    assert problems[1].question in problems[1].prompt
    with pytest.raises(TaskError, match=r"no file .*svamp_train\.jsonl; put the rows of the hub's ChilleD/SVAMP \(tr"):
        load_problems("svamp", Split.TRAIN, data=svamp)


def test_what_is_in_test_is_never_trained_on(tmp_path: Path) -> None:
    again = row(7) | {"Body": row(7)["Body"] + " "}
    write(tmp_path / "svamp_train.jsonl", [*(row(n) for n in range(10, 210)), again, row(11)])
    write(tmp_path / "svamp_test.jsonl", [row(n) for n in range(10)])
    splits = {split: load_problems("svamp", split, data=tmp_path) for split in Split}
    assert len(splits[Split.TEST]) == 10
    assert len(splits[Split.TRAIN]) + len(splits[Split.VALIDATION]) == 200
    assert len({problem.question for part in splits.values() for problem in part}) == 210


@pytest.mark.parametrize(("answer", "expected"), [(2.0, "2"), ("2.0", "2"), (2, "2"), (-1.5, "-1.5"), (1e3, "1000")])
def test_answers_lose_an_empty_fraction(tmp_path: Path, answer: object, expected: str) -> None:
    path = write(tmp_path / "svamp_test.jsonl", [row(3, answer)])
    assert load_problems("svamp", Split.TEST, data=path.parent)[0].answer == expected


@pytest.mark.parametrize("answer", ["two", "NaN", "Infinity"])
def test_an_answer_must_be_a_number(tmp_path: Path, answer: str) -> None:
    path = write(tmp_path / "svamp_test.jsonl", [row(3, answer)])
    with pytest.raises(TaskError, match=rf"svamp_test\.jsonl:1: 'Answer' is '{answer}', not a number; fix the line"):
        load_problems("svamp", Split.TEST, data=path.parent)


def test_the_hub_gives_the_same_problems_as_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test replaces only the network, with rows of the documented form. The authors could not reach a hub."""
    parts = {"train": [row(n) for n in range(50, 250)], "test": [row(n) for n in range(50)]}
    for name, rows in parts.items():
        write(tmp_path / f"svamp_{name}.jsonl", rows)

    def load(name: str, config: str, *, split: str) -> list[Row]:
        assert (name, config) == ("ChilleD/SVAMP", "default")
        return parts[split]

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(datasets, "load_dataset", load)
    for split in Split:
        assert load_problems("svamp", split) == load_problems("svamp", split, data=tmp_path)


def test_a_missing_cell_of_the_hub_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(datasets, "load_dataset", lambda *_, **__: [row(3), row(4, float("nan"))])
    with pytest.raises(TaskError, match="SVAMP:default:test:2: 'Answer' must be a text or a number, not nan"):
        load_problems("svamp", Split.TEST)


@pytest.mark.parametrize(
    ("equation", "solution"),
    [
        ({"Equation": "( 7.0 - 5.0 )"}, "7 - 5 = 2"),
        ({"Equation": "( ( 7.0 - 5.0 ) * 1.0 )"}, "(7 - 5) * 1 = 2"),
        ({"Equation": "( 7.0 + 5.0 )"}, ""),  # one published equation does not give its answer
        ({"Equation": "x = 7 - 5"}, ""),
        ({"Equation": "( 7.0 / 0.0 )"}, ""),
        ({"Equation": "1e400 / 2"}, ""),
        ({"Equation": None}, ""),
        ({}, ""),
    ],
)
def test_the_worked_solution_is_the_published_calculation(
    tmp_path: Path, equation: dict[str, str | None], solution: str
) -> None:
    path = write(tmp_path / "svamp_test.jsonl", [row(7) | equation])
    assert load_problems("svamp", Split.TEST, data=path.parent)[0].solution == solution
