"""Answers as people write them into a column. They are read, or refused with their line number."""

import json
from decimal import localcontext
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from evaluators.tasks import load_whole
from evaluators.tasks.golds import gold_of
from evaluators.tasks.records import Record
from evaluators.types import TaskError

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
    (0.3333, 'is 0.3333, which is 1/3 rounded, .* write 1/3, or "0.3333" in quotes'),
    (0.6667, "2/3 rounded"),
    (0.6666, "2/3 rounded"),
    (-1.1429, "-8/7 rounded"),
    (1 / 3, "is 0.3333333333333333, which is 1/3 rounded.* write 1/3$"),
    ("0.33333333333", "1/3 rounded"),
    (0.1 + 0.2, "with 17 decimals, which no completion will match"),
    ("3.141592653589793", "with 15 decimals"),
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
    with localcontext(prec=12), pytest.raises(TaskError, match="with 15 decimals"):
        gold_of(Record(place="x:1", fields={"a": "3.141592653589793"}), "a")


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
