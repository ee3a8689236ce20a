"""A user's questions and answers: JSON lines, JSON, Parquet, CSV, a folder of these, or a data set of the hub."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from evaluators.tasks.chat import question_in
from evaluators.tasks.columns import as_task, missing_columns
from evaluators.tasks.files import read_files
from evaluators.tasks.golds import gold_of
from evaluators.tasks.hub import hub_rows
from evaluators.tasks.records import Record, choose, make_problem, refuse_duplicates, split_by_content
from evaluators.tasks.splits import COLUMN, split_of_record, splits_of_names, with_validation
from evaluators.types import Problem, Split, TaskError

FLAG = "--task 'jsonl:prompt=question,answer=answer'"
Name = str | int
"""A name. YAML reads a name of digits as a number."""
NameOrNone = Name | Literal[False] | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """Records of one file or split, and their source."""

    source: str
    name: str
    """The name, which may say the split."""
    records: list[Record]


def build(
    part: Split,
    /,
    *,
    data: Path | None,
    whole: bool = False,
    prompt: Name = "prompt",
    answer: Name = "answer",
    solution: NameOrNone = None,
    split: NameOrNone = None,
    hub: NameOrNone = None,
    config: NameOrNone = None,
    hub_split: NameOrNone = None,
) -> list[Problem]:
    r"""The problems of a split, in the order of the data.

    Columns inside objects and lists have dots in their names: ``reward_model.ground_truth``, ``prompt.0.content``.

    Args:
        part: the split.
        data: a file, a folder, or a pattern. Files have the suffix ``.jsonl``, ``.json``, ``.parquet``, ``.csv`` or
            ``.tsv``, optionally followed by ``.gz``. Names such as ``train.csv`` and ``mine_test.jsonl`` assign splits.
        whole: return all problems as test problems if nothing assigns splits; otherwise none.
        prompt: the column of the question, which is not changed: a text, or a chat with one user message and at most
            one system message before it.
        answer: the column of the expected answer: alone, after ``####``, or in a ``\boxed{}``.
        solution: the column of a worked solution, for solved examples in prompts; by default there is none.
        split: the column of ``train``, ``validation`` (``valid``, ``val``, ``dev``) or ``test``. The default is a
            column named ``split`` if there is one; false for none. If neither a column nor file names assign splits, a
            hash of the question assigns 80 % to train, 10 % to validation and 10 % to test. If they assign no
            validation data, it is a fixed 5 % of train.
        hub: the id of a data set on the Hugging Face hub, instead of ``data``. The names of its splits assign splits.
        config: the configuration of the data set, if it has several.
        hub_split: a single split of the data set, by the hub's name. It is then treated like a single file.
    """
    named = {
        "prompt": prompt,
        "answer": answer,
        "solution": solution,
        "split": split,
        "hub": hub,
        "config": config,
        "hub_split": hub_split,
    }
    given = {key: _word(key, value) for key, value in named.items() if value is not None and value is not False}
    tables = _tables(data, given)
    for table in tables:
        if error := missing_columns(table.source, table.records[0], given):
            raise error
    records = [record for table in tables for record in table.records]
    asked = [question_in(record, given["prompt"]) for record in records]
    questions = [question for question, _ in asked]
    refuse_duplicates(records, questions, given["prompt"])
    assigned = _assigned(tables, split if split is False else given.get("split"))
    if whole and assigned is not None:
        return []
    problems = [
        make_problem(
            record,
            prompt=question,
            content=question,
            answer=gold_of(record, given["answer"]),
            split=of,
            system=system,
            solution=record.text(given["solution"]) if "solution" in given else "",
        )
        for record, (question, system), of in zip(records, asked, _splits(assigned, questions, whole), strict=True)
    ]
    remedy = "assign some to it"
    if assigned is None:
        remedy = "a hash of the question assigns splits: add lines or a column split"
    return choose(problems, Split.TEST if whole else part, str(data or hub), remedy)


def _splits(assigned: Sequence[Split] | None, questions: Sequence[str], whole: bool) -> list[Split]:
    if whole:
        return [Split.TEST] * len(questions)
    return (
        [split_by_content(question) for question in questions]
        if assigned is None
        else with_validation(assigned, questions)
    )


def _word(key: str, value: Name) -> str:
    if str(value).strip():
        return str(value)
    raise TaskError(f"the option {key} of the task jsonl must be a name, not {value!r}; use one, such as {FLAG}")


def _tables(data: Path | None, given: dict[str, str]) -> list[Table]:
    hub = given.get("hub")
    if data is not None and hub:
        raise TaskError(f"the task jsonl reads {data} or the hub's {hub}, not both; remove --data or hub=")
    if hub:
        remedy = f"put its rows into a file and pass it by --data, with --task '{as_task(_without_hub(given))}'"
        tables = hub_rows("jsonl", hub, given.get("config"), given.get("hub_split"), remedy=remedy)
        return [Table(source=f"{hub} ({split})", name=split, records=rows) for split, rows in tables.items() if rows]
    if data is None:
        raise TaskError(
            "the task jsonl needs a file; pass its path as --data, or name a data set of the hub by hub=ORG/NAME"
        )
    for key in ("config", "hub_split"):
        if key in given:
            raise TaskError(f"the option {key} of the task jsonl is for the hub, but {data} is a file; remove {key}=")
    return [Table(source=str(path), name=path.name, records=records) for path, records in read_files(data)]


def _without_hub(given: dict[str, str]) -> dict[str, str]:
    return {key: value for key, value in given.items() if key in ("prompt", "answer", "solution", "split")}


def _assigned(tables: Sequence[Table], split: str | Literal[False] | None) -> list[Split] | None:
    """The split of each record by its column or table; None if there are none. ``split``: as for ``build``."""
    records = [record for table in tables for record in table.records]
    column = split or COLUMN
    if split or (split is None and any(record.has(COLUMN) for record in records)):
        return [split_of_record(record, column) for record in records]
    if len(tables) == 1:
        return None
    remedy = "name all files for train, validation or test, or none, or give one file"
    splits = splits_of_names([table.name for table in tables], where=tables[0].source, remedy=remedy)
    if splits is None:
        return None
    return [split for table, split in zip(tables, splits, strict=True) for _ in table.records]
