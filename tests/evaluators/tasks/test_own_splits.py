"""Own data: which problems are in which split."""

import gzip
from pathlib import Path

import pytest

from evaluators.tasks import load_problems, load_whole
from evaluators.types import Split, TaskError
from tests.support.own_data import Row, all_of, lines, table


def rows_of(splits: list[str]) -> list[Row]:
    return [{"prompt": f"{n}?", "answer": n, "split": split} for n, split in enumerate(splits)]


@pytest.mark.parametrize("validation", ["validation", "valid", "val", "dev", "Val"])
def test_a_column_split_is_used_where_it_exists(validation: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    path.write_bytes(lines(rows_of(["train", validation, "test", "train"])))
    assert {s: [p.prompt for p in part] for s, part in all_of(path).items()} == {
        Split.TRAIN: ["0?", "3?"],
        Split.VALIDATION: ["1?"],
        Split.TEST: ["2?"],
    }
    assert load_whole("jsonl", data=path) is None
    whole = load_whole("jsonl", data=path, split=False)
    assert whole is not None and len(whole) == 4


def test_without_a_validation_split_a_part_of_train_is_it(tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    path.write_bytes(lines(rows_of(["train"] * 200 + ["test"] * 10)))
    sizes = {split: len(part) for split, part in all_of(path).items()}
    assert sizes[Split.TEST] == 10
    assert 4 <= sizes[Split.VALIDATION] <= 20
    assert sum(sizes.values()) == 210


@pytest.mark.parametrize(
    "names",
    [
        ("train.csv", "val.csv", "test.csv"),
        ("mine_train.csv", "mine-dev.csv", "mine.test.csv"),
        ("train-00000-of-00001.csv", "validation-00000-of-00001.csv", "test-00000-of-00001.csv"),
    ],
)
@pytest.mark.parametrize("data", ["", "*.csv"])
def test_files_assign_splits_by_their_names(names: tuple[str, ...], data: str, tmp_path: Path) -> None:
    for name, row in zip(names, rows_of(["", "", ""]), strict=True):
        (tmp_path / name).write_bytes(table(",")([{"prompt": row["prompt"], "answer": row["answer"]}]))
    (tmp_path / "README.md").write_text("no data")
    assert [p.prompt for part in all_of(tmp_path / data).values() for p in part] == ["0?", "1?", "2?"]
    assert load_whole("jsonl", data=tmp_path / data) is None


def test_files_without_splits_in_their_names_are_one_set(tmp_path: Path) -> None:
    for n, name in enumerate(("part-1.jsonl", "part-2.jsonl.gz")):
        content = lines([{"prompt": f"{n}?", "answer": n}])
        (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    whole = load_whole("jsonl", data=tmp_path)
    assert whole is not None
    assert [problem.prompt for problem in whole] == ["0?", "1?"]


@pytest.mark.parametrize("odd", ["more.jsonl", "train_and_test.jsonl"])
def test_a_file_that_does_not_say_its_split_beside_some_that_do(odd: str, tmp_path: Path) -> None:
    for n, name in enumerate(("test.jsonl", "train.jsonl", odd)):
        (tmp_path / name).write_bytes(lines([{"prompt": f"{n}?", "answer": n}]))
    with pytest.raises(TaskError, match=rf"'{odd}' says (no split|two splits), but others say one"):
        load_problems("jsonl", Split.TEST, data=tmp_path)


@pytest.mark.parametrize(
    ("task", "row"),
    [
        ("gsm8k", {"question": "{}?", "answer": "#### {}"}),
        ("math", {"problem": "{}?", "answer": "{}"}),
        ("svamp", {"Body": "A", "Question": "{}?", "Answer": "{}"}),
        ("jsonl", {"prompt": "{}?", "answer": "{}"}),
    ],
)
def test_a_single_file_is_whole_or_split_by_its_column_in_every_task(task: str, row: Row, tmp_path: Path) -> None:
    rows = [{key: value.format(n) for key, value in row.items()} for n in range(48)]
    path = tmp_path / "mine.jsonl"
    path.write_bytes(lines(rows))
    whole = load_whole(task, data=path)
    assert whole is not None
    assert len(whole) == 48 and all(problem.split is Split.TEST for problem in whole)
    parts = [problem for split in Split for problem in load_problems(task, split, data=path)]
    assert {problem.id for problem in parts} == {problem.id for problem in whole}
    path.write_bytes(lines([row | {"split": "test" if n < 7 else "train"} for n, row in enumerate(rows)]))
    assert load_whole(task, data=path) is None
    assert [p.id for p in load_problems(task, Split.TEST, data=path)] == [p.id for p in whole[:7]]


@pytest.mark.parametrize("task", ["math500", "aime"])
def test_of_what_is_held_out_a_single_file_is_the_test_split_anyway(task: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    rows: list[Row] = [{"problem": f"{n}?", "answer": str(n)} for n in range(48)]
    path.write_bytes(lines(rows))
    assert load_whole(task, data=path) is None
    assert len(load_problems(task, Split.TEST, data=path)) == 48
    path.write_bytes(lines([row | {"split": "test" if n < 7 else "train"} for n, row in enumerate(rows)]))
    assert len(load_problems(task, Split.TEST, data=path)) == 7
