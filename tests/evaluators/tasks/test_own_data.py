"""Own data: the same problems from every kind of file, with any columns, chats and splits."""

import contextlib
import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from evaluators.tasks import load_problems, load_whole
from evaluators.tasks.files import read_files
from evaluators.tasks.records import Record
from evaluators.types import Split, TaskError
from tests.support.own_data import Row, all_of, lines, table

ROWS: list[Row] = [{"question": f'What is {n}+1,\nin "digits"?', "final": str(n + 1)} for n in range(48)]
COLUMNS = {"prompt": "question", "answer": "final"}


def parquet(rows: list[Row]) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(rows), sink)
    return bytes(sink.getvalue())


KINDS: dict[str, Callable[[list[Row]], bytes]] = {
    "jsonl": lines,
    "ndjson": lines,
    "json": lambda rows: json.dumps(rows, indent=1).encode(),
    "lines.json": lines,
    "csv": table(","),
    "TSV": table("\t"),
    "parquet": parquet,
}
KINDS |= {f"{name}.gz": lambda rows, write=write: gzip.compress(write(rows)) for name, write in KINDS.items()}


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    path = tmp_path / "plain.jsonl"
    path.write_bytes(lines(ROWS))
    return path


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_file_gives_the_same_problems(kind: str, tmp_path: Path, plain: Path) -> None:
    path = tmp_path / f"mine.{kind}"
    path.write_bytes(KINDS[kind](ROWS))
    assert all_of(path, **COLUMNS) == all_of(plain, **COLUMNS)
    assert load_whole("jsonl", data=path, **COLUMNS) == load_whole("jsonl", data=plain, **COLUMNS)


@pytest.mark.parametrize("kind", KINDS)
def test_a_missing_column_names_the_flag_that_works(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"mine.{kind}"
    path.write_bytes(KINDS[kind]([{"question": "1+1", "solution": "two", "final": "2"}]))
    with pytest.raises(TaskError) as error:
        load_problems("jsonl", Split.TEST, data=path)
    assert str(error.value) == (
        f"{path} has no column 'prompt'; its columns: question, solution, final; "
        "pass --task 'jsonl:prompt=question,answer=final'"
    )


@pytest.mark.parametrize(
    ("columns", "chosen", "flag"),
    [
        (["problem", "answer"], {}, "pass --task 'jsonl:prompt=problem'"),
        (["prompt", "target"], {}, "pass --task 'jsonl:answer=target'"),
        (["Question", "Final Answer"], {}, "pass --task 'jsonl:prompt=Question,answer=Final Answer'"),
        (
            ["q", "ground_truth"],
            {},
            "pass --task 'jsonl:prompt=COLUMN,answer=ground_truth' with the name of the prompt",
        ),
        (["q", "a"], {"prompt": "q", "split": "q"}, "pass --task 'jsonl:prompt=q,answer=COLUMN,split=q' with the name"),
        (["answer_text"], {}, "pass --task 'jsonl:prompt=COLUMN,answer=answer_text' with"),
        (["prompt", "reward_model"], {}, "pass --task 'jsonl:answer=reward_model.ground_truth'"),
    ],
)
def test_columns_are_guessed_by_common_names(columns: list[str], chosen: Row, flag: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    values = {name: {"style": "rule", "ground_truth": "2"} if name == "reward_model" else "2" for name in columns}
    path.write_bytes(lines([values]))
    with pytest.raises(TaskError) as error:
        load_problems("jsonl", Split.TEST, data=path, **chosen)
    assert flag in str(error.value)


BROKEN_FILES = {
    "no array": ("a.json", b"[1, 2]", "a.json, item 1 is a JSON int, not an object"),
    "half an array": ("a.json", b'[{"prompt": "x",\n', "a.json is not JSON: .* at line 2, column 1"),
    "no gzip": ("a.csv.gz", b"prompt,answer\n", "a.csv.gz is not gzipped or is incomplete"),
    "half a gzip": (
        "a.csv.gz",
        gzip.compress(b"prompt,answer\n1,2\n")[:-9],
        "a.csv.gz is not gzipped or is incomplete",
    ),
    "a number too large": (
        "a.jsonl",
        b'{"prompt": "x", "answer": 1e99999999999999999999}',
        "a.jsonl:1 is not valid JSON",
    ),
    "no parquet": ("a.parquet", b"prompt", "a.parquet is not a valid Parquet file: .*; write it again"),
    "short row": ("a.csv", b"prompt,answer\n1+1,2\n3\n", "a.csv:3 has 1 cells, but the header has 2"),
    "long row": ("a.csv", b"prompt,answer\n1,000+1,1001\n", "a.csv:2 has 3 cells, but the header has 2"),
    "open quote": ("a.csv", b'prompt,answer\n"1+1,2\n', "a.csv:2 cannot be read: unexpected end of data"),
    "columns alike": ("a.csv", b"prompt,prompt\n1,2\n", "a.csv:1: two columns have the same name"),
    "header alone": ("a.csv", b"prompt,answer\n\n", "a.csv is empty"),
    "empty cell": ("a.csv", b'prompt,answer\n"a\nb",1\nc,\n', "a.csv:4: 'answer' is empty"),
    "no text": ("a.tsv", b"prompt\tanswer\n\xff\t1\n", r"a.tsv is not UTF-8 \(byte 14\)"),
}


def test_a_gzip_with_any_byte_changed_is_read_or_refused(tmp_path: Path) -> None:
    whole = gzip.compress(b"prompt,answer\n" + b"".join(b"%d+1,%d\n" % (n, n + 1) for n in range(40)))
    for place in range(len(whole)):
        (tmp_path / "a.csv.gz").write_bytes(whole[:place] + bytes([whole[place] ^ 16]) + whole[place + 1 :])
        with contextlib.suppress(TaskError):
            read_files(tmp_path / "a.csv.gz")


@pytest.mark.parametrize("pattern", ["a**.jsonl", "**a/*.jsonl"])
def test_a_pattern_that_is_none_is_one_sentence(pattern: str, tmp_path: Path) -> None:
    with pytest.raises(TaskError, match=r"\*\* is not a valid pattern: |\.jsonl is not a valid pattern: "):
        read_files(tmp_path / pattern)


@pytest.mark.parametrize(("name", "content", "message"), BROKEN_FILES.values(), ids=BROKEN_FILES)
def test_broken_files_of_every_kind(name: str, content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(TaskError, match=message) as error:
        load_whole("jsonl", data=tmp_path / name)
    assert "\n" not in str(error.value)


def test_dots_lead_into_objects_and_lists() -> None:
    record = Record(place="x:1", fields={"a": {"b": [{"c": 1}, "d"]}, "a.b": "whole"})
    assert record.value("a.b") == "whole"
    nested = Record(place="x:1", fields={"a": {"b": [{"c": 1}, "d"]}})
    assert [nested.value(field) for field in ("a.b.0.c", "a.b.1")] == [1, "d"]
    for field in ("a.c", "a.b.2", "a.b.x", "a.b.0.c.d", "b", "", "a."):
        assert not nested.has(field)
        with pytest.raises(TaskError, match="x:1 has no field"):
            nested.value(field)


def test_columns_may_have_numbers_for_names(tmp_path: Path) -> None:
    """YAML reads such a name as a number, and 0 is not "no column"."""
    rows = [
        {"0": "test" if n % 2 else "train", "1": f"What is {n}?", "2": str(n), "3": f"It is {n}."} for n in range(8)
    ]
    (tmp_path / "mine.csv").write_bytes(table(",")(rows))
    problems = load_problems("jsonl", Split.TEST, data=tmp_path / "mine.csv", prompt=1, answer=2, solution=3, split=0)
    assert [(problem.prompt, problem.solution) for problem in problems] == [
        (f"What is {n}?", f"It is {n}.") for n in (1, 3, 5, 7)
    ]


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_chats_and_nested_answers(kind: str, tmp_path: Path) -> None:
    """In the form that verl uses."""
    turns = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "What is 1+1?"}]
    rows = [
        {"prompt": turns, "reward_model": {"ground_truth": "2"}},
        {"prompt": [turns[1] | {"content": "What is 1+2?"}], "reward_model": {"ground_truth": "3"}},
    ]
    path = tmp_path / f"mine.{kind}"
    path.write_bytes(KINDS[kind](rows))
    found = load_whole("jsonl", data=path, answer="reward_model.ground_truth")
    assert found is not None
    assert [(p.prompt, p.framing.system, p.answer) for p in found] == [
        ("What is 1+1?", "Be brief.", "2"),
        ("What is 1+2?", "", "3"),
    ]


@pytest.mark.parametrize(
    ("roles", "said"),
    [
        (["user", "assistant"], "a list of user, assistant, not one user message"),
        (["system"], "a list of system, not"),
        (["user", "user"], "a list of user, user, not"),
        (["system", "user", "assistant", "user"], "a list of system, user, assistant, user, not"),
        ([], "a list of nothing, not"),
    ],
)
def test_a_chat_of_several_turns_is_refused_by_its_line(roles: list[str], said: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    path.write_bytes(lines([{"prompt": [{"role": role, "content": "x"} for role in roles], "answer": 1}]))
    with pytest.raises(TaskError, match=rf"mine\.jsonl:1: 'prompt' is {said}"):
        load_whole("jsonl", data=path)
