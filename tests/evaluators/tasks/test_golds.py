"""Answers as people write them into a column. They are read, or refused with their line number."""

import json
from decimal import localcontext
from fractions import Fraction
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from evaluators.grading.grader import Grader
from evaluators.tasks import load_whole
from evaluators.tasks.golds import gold_of
from evaluators.tasks.records import Record
from evaluators.types import TaskError, Verdict

READ: list[tuple[Any, str]] = [
    ("7", "7"),
    (7, "7"),
    (7.0, "7"),
    (1e20, "100000000000000000000"),
    ("7.0", "7.0"),
    (0.25, "0.25"),
    (3.14, "3.14"),
    (3.1416, "3.1416"),
    (0.0625, "0.0625"),
    ("0.3333", "0.3333"),
    (0.33, "0.33"),
    (0.3333, "0.3333"),
    (0.6667, "0.6667"),
    (1 / 3, "0.3333333333333333"),
    (0.1 + 0.2, "0.30000000000000004"),
    ("3.141592653589793", "3.141592653589793"),
    ("0.6666", "0.6666"),
    ("5+2=7\n#### 7", "7"),
    ("#### Step 1\n5+2\n#### 7 ", "7"),
    ("\\boxed{7}", "7"),
    ("First \\boxed{3}, so \\boxed{\\frac{1}{2}}.", "\\frac{1}{2}"),
    ("\\boxed{3}\n#### 7", "7"),
    ("7 (apples)", "7"),
    ("$1,200.50 (dollars a year)", "$1,200.50"),
    ("3/4 (of a pie)", "3/4"),
    ("7 (3)", "7 (3)"),
    ("f(x)", "f(x)"),
    ("(1, 2)", "(1, 2)"),
    ("no solution", "no solution"),
]


@pytest.mark.parametrize(("value", "gold"), READ, ids=[str(value) for value, _ in READ])
def test_read(value: Any, gold: str) -> None:
    assert gold_of(Record(place="x:1", fields={"a": value}), "a") == gold


REFUSED: list[tuple[Any, str]] = [
    (0.6666, 'is 0.6666, which is 2/3 cut off, .* write 2/3, or "0.6666" in quotes'),
    (-1.1428, "-8/7 cut off"),
    ("0.66666666666", "is 0.66666666666, which is 2/3 cut off.* write 2/3$"),
    ("so it is ####", "has nothing after its last ####"),
    ("so it is \\boxed{7", r"has no answer in its \\boxed"),
    ("so it is \\boxed{}", r"has no answer in its \\boxed"),
    ("We add them up. " * 20 + "The answer is 7.", "has 336 characters, but neither #### nor .* name the column"),
    (None, "must be a text or a number, not None"),
    (float("nan"), "must be a text or a number, not nan"),
    (True, "must be a text or a number, not True"),
    ([7], "must be a text or a number"),
    ("  ", "is empty"),
]


def test_a_library_that_sets_the_precision_of_decimals_changes_nothing() -> None:
    with localcontext(prec=12), pytest.raises(TaskError, match="2/3 cut off"):
        gold_of(Record(place="x:1", fields={"a": "0.66666666666666"}), "a")


@pytest.mark.parametrize("places", [4, 6, 12, None])
def test_a_fraction_that_was_written_as_a_decimal_can_be_answered(places: int | None) -> None:
    """By the fraction, and by the decimal itself. ``None``: all digits of a floating-point number."""
    fractions = [Fraction(p, q) for q in range(2, 13) for p in range(1, 30)]
    values = [float(one) if places is None else round(float(one), places) for one in fractions]
    golds = [gold_of(Record(place="x:1", fields={"a": value}), "a") for value in values]
    items = [(gold, f"#### {text}") for gold, one in zip(golds, fractions, strict=True) for text in (one, gold)]
    with Grader() as grader:
        assert {grade.strict for grade in grader.grade(items)} == {Verdict.CORRECT}


@pytest.mark.parametrize(("value", "message"), REFUSED, ids=[str(value)[:40] for value, _ in REFUSED])
def test_refused_by_line(value: Any, message: str) -> None:
    with pytest.raises(TaskError, match=message) as error:
        gold_of(Record(place="x:1", fields={"a": value}), "a")
    assert str(error.value).startswith("x:1: 'a' ")


def test_numbers_of_a_table_are_those_of_json(tmp_path: Path) -> None:
    """This includes half-precision numbers, which would be 0.30000001192092896."""
    values = [0.3, 7.0, 0.25, 1e20]
    rows = [{"prompt": f"{n}?", "answer": value} for n, value in enumerate(values)]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    expected = load_whole("jsonl", data=tmp_path / "a.jsonl")
    for kind in (pa.float64(), pa.float32()):
        table = pa.table({"prompt": [row["prompt"] for row in rows], "answer": pa.array(values, kind)})
        pq.write_table(table, tmp_path / "a.parquet")
        assert load_whole("jsonl", data=tmp_path / "a.parquet") == expected
