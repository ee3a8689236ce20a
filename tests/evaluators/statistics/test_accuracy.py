"""Accuracy and the table of samples."""

from dataclasses import asdict
from itertools import combinations
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from evaluators.statistics import accuracy
from evaluators.statistics.accuracy import SampleRecord, acc_at_k, majority_at_k, pass_at_k, write_records
from evaluators.types import Verdict

CORRECT = np.random.default_rng(0).random((20, 6)) < 0.3


def test_accuracy_is_the_mean_over_problems_and_samples() -> None:
    assert acc_at_k(np.array([[True, False], [True, True]])) == 0.75


@pytest.mark.parametrize("k", range(1, 7))
def test_pass_at_k_is_the_mean_over_all_choices_of_k(k: int) -> None:
    brute = np.mean([[row[list(chosen)].any() for chosen in combinations(range(6), k)] for row in CORRECT])
    assert pass_at_k(CORRECT, k).mean() == pytest.approx(brute)


def test_pass_at_k_ends() -> None:
    assert pass_at_k(CORRECT, 1) == pytest.approx(CORRECT.mean(axis=1))
    assert pass_at_k(CORRECT, 6) == pytest.approx(CORRECT.any(axis=1).astype(float))
    many = np.zeros((1, 5000), dtype=bool)
    many[0, :2] = True
    assert pass_at_k(many, 2500) == pytest.approx(1 - 0.5 * 2499 / 4999)


def test_the_majority_decides() -> None:
    correct = np.array([[True, True, False], [True, False, False], [False, True, False], [False, False, False]])
    answers = [["18", "18.0", "7"], ["18", "7", "7"], [None, "18", "7"], [None, None, None]]
    assert majority_at_k(correct, answers) == pytest.approx([1, 0, 0.5, 0])
    same = [["1/2", "1/2", "5"], ["x", "X", "5"], ["a", "b", "5"], ["", "", "5"]]
    wrong = np.array([[False, False, True]] * 4)
    assert majority_at_k(wrong, same) == pytest.approx([0, 1 / 3, 1 / 3, 0])


def test_the_majority_of_one_is_its_accuracy_and_of_many_beats_it() -> None:
    answers = [["a" if right else None for right in row] for row in CORRECT]
    first = CORRECT[:, :1]
    assert majority_at_k(first, [row[:1] for row in answers]) == pytest.approx(first[:, 0].astype(float))
    rng = np.random.default_rng(1)
    drawn = rng.random((500, 25)) < 0.4  # wrong answers are spread over four
    texts = [["r" if right else f"w{rng.integers(4)}" for right in row] for row in drawn]
    assert majority_at_k(drawn, texts).mean() > 0.85 > 0.4 + acc_at_k(drawn)


@pytest.mark.parametrize("bad", [np.ones(3, dtype=bool), np.ones((2, 2)), np.ones((0, 4), dtype=bool)])
def test_only_bool_tables_are_taken(bad: np.ndarray) -> None:
    with pytest.raises(ValueError, match="bool array"):
        acc_at_k(bad)
    with pytest.raises(ValueError, match="bool array"):
        pass_at_k(bad, 1)


@pytest.mark.parametrize("k", [0, 7])
def test_k_must_be_among_the_samples(k: int) -> None:
    with pytest.raises(ValueError, match="between 1 and the 6 samples"):
        pass_at_k(CORRECT, k)


def record(sample: int, text: str = "9*2\n#### 18 \x00 é") -> SampleRecord:
    return SampleRecord(
        problem="abc",
        question="9*2?",
        answer="18",
        sample=sample,
        strict=Verdict.CORRECT,
        lenient=Verdict.WRONG,
        extracted=None if sample else "18",
        text=text,
        tokens=7,
        truncated=bool(sample),
    )


def test_records_come_back(tmp_path: Path) -> None:
    path = tmp_path / "table.parquet"
    records = [record(0), record(1)]
    write_records(records, path)
    assert pq.read_table(path).to_pylist() == [asdict(r) for r in records]
    write_records([], path)
    assert pq.read_table(path).num_rows == 0
    assert pq.read_table(path).schema.equals(accuracy.SCHEMA)
    assert list(tmp_path.iterdir()) == [path]


def test_a_failed_write_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "table.parquet"
    write_records([record(0)], path)
    before = path.read_bytes()

    def half(table: object, target: Path, **_: object) -> None:
        target.write_bytes(b"PAR1")
        raise OSError("disk full")

    monkeypatch.setattr(pq, "write_table", half)
    with pytest.raises(OSError, match="disk full"):
        write_records([record(0), record(1)], path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
