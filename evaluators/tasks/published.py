"""Tasks with a published test set and usually a train set: files or the hub, a prompt, a validation split.

Hub ids, configurations and fields are those of the hub's documentation. They have not been tested with the hub.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from evaluators.tasks.columns import missing_columns
from evaluators.tasks.files import matching, read_records
from evaluators.tasks.hub import hub_rows
from evaluators.tasks.records import Record, choose, make_problem, share, split_by_content
from evaluators.tasks.splits import COLUMN, VALIDATION_PARTS, split_of_record, with_validation
from evaluators.types import Problem, Split, TaskError

QUESTION = "{question}"
"""The prompt of a task whose answer format adds the instruction."""


@dataclass(frozen=True, kw_only=True, slots=True)
class HubSet:
    """Rows on the Hugging Face hub."""

    hub_id: str
    configs: tuple[str, ...] = ("default",)
    split: str
    """The hub's name for it."""

    def __str__(self) -> str:
        return f"{self.hub_id} ({self.split})"


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """A set of records, which are in a file, or in the given sets of the hub."""

    file: str
    hub: tuple[HubSet, ...]

    def __str__(self) -> str:
        return " and ".join(map(str, self.hub))


@dataclass(frozen=True, kw_only=True, slots=True)
class Published:
    """The published train and test set of a task. Validation is a fixed part of train, by a hash of the question."""

    task: str
    question: tuple[str, ...]
    """The fields of the question, which are joined by a space."""
    train: Part | None
    """None if the whole task is held out."""
    test: Part

    def check_prompt(self, prompt: str) -> None:
        """Refuse a prompt without ``{question}``."""
        if "{question}" not in prompt:
            raise TaskError(f"the prompt of the task {self.task} has no {{question}}; put it where the question goes")

    def question_of(self, record: Record) -> str:
        """The question itself."""
        return " ".join(record.text(field) for field in self.question)

    def records(self, split: Split, data: Path | None) -> list[Record]:
        """The records from which ``split`` is taken: from a folder, a pattern, a file, or the hub without ``data``."""
        part = self._part(split)
        if data is None:
            return [record for rows in part.hub for record in self._from_hub(rows)]
        if not data.is_file():
            return read_records(_locate(data, part))
        records = read_records(data)
        if not all(field in records[0].fields for field in self.question):
            guessed = missing_columns(str(data), records[0], {"prompt": self.question[0], "answer": "answer"})
            raise guessed or TaskError(
                f"{data} lacks one of the columns {' and '.join(self.question)}, which the task {self.task} needs"
            )
        return records

    def disjoint_records(self, split: Split, data: Path | None) -> list[Record]:
        """The same without duplicate questions, and in train without the questions of the test set.

        Questions are the same if they only differ in whitespace.
        """
        records = self._by_question(self.records(split, data))
        if split is not Split.TEST and not self._stands_alone(data):
            held_out = self._by_question(self.records(Split.TEST, data))
            records = {question: record for question, record in records.items() if question not in held_out}
        return list(records.values())

    def problems(
        self,
        records: Iterable[Record],
        split: Split,
        *,
        data: Path | None,
        prompt: str,
        answer: Callable[[Record], str],
        solution: Callable[[Record], str] = lambda record: "",
        whole: bool = False,
    ) -> list[Problem]:
        """The problems of ``split`` among ``records``, in their order. A single file has all splits of the task.

        ``whole``: return all of a single file without a column ``split`` as test problems, and nothing of other data.
        """
        records = list(records)
        alone = self._stands_alone(data)
        column = data is not None and data.is_file() and any(COLUMN in record.fields for record in records)
        if whole and (column or not alone):
            return []
        questions = [self.question_of(record) for record in records]
        if column:
            splits = with_validation([split_of_record(record) for record in records], questions)
        elif alone and not whole:
            splits = [split_by_content(question) for question in questions]
        else:
            splits = [_split(question, split) for question in questions]
        problems = [
            make_problem(
                record,
                prompt=prompt.replace("{question}", question),
                content=question,
                answer=answer(record),
                solution=solution(record),
                split=of,
            )
            for record, question, of in zip(records, questions, splits, strict=True)
        ]
        return choose(problems, split, str(data or self._part(split)), "add lines")

    def _part(self, split: Split) -> Part:
        if split is Split.TEST:
            return self.test
        if self.train is None:
            raise TaskError(
                f"the task {self.task} has no {split} split, because all of it is held out; train on another task and "
                "evaluate on the test split of this one"
            )
        return self.train

    def _stands_alone(self, data: Path | None) -> bool:
        """Whether ``data`` is a single file, which is then split."""
        return self.train is not None and data is not None and data.is_file()

    def _by_question(self, records: Iterable[Record]) -> dict[str, Record]:
        first: dict[str, Record] = {}
        for record in records:
            first.setdefault("".join(self.question_of(record).split()), record)
        return first

    def _from_hub(self, rows: HubSet) -> list[Record]:
        files = " and ".join(part.file for part in (self.train, self.test) if part)
        remedy = f"pass --data with a folder that has {files}"
        found = [hub_rows(self.task, rows.hub_id, config, rows.split, remedy=remedy) for config in rows.configs]
        return [record for tables in found for table in tables.values() for record in table]


def _split(question: str, wanted: Split) -> Split:
    if wanted is Split.TEST:
        return Split.TEST
    return Split.TRAIN if share(question, VALIDATION_PARTS) else Split.VALIDATION


def _locate(data: Path, part: Part) -> Path:
    """The file of ``part`` in the folder ``data``, or among the files that match the pattern ``data``."""
    if "*" in str(data):
        for path in matching(data):
            if path.name == part.file:
                return path
        raise TaskError(f"{data} matches no file {part.file}; change the pattern")
    if not data.is_dir():
        raise TaskError(f"there is no {data}; give a folder with {part.file}, or a file of JSON lines")
    if not (data / part.file).exists():
        raise TaskError(f"there is no file {data / part.file}; put the rows of the hub's {part} there, as JSON lines")
    return data / part.file
