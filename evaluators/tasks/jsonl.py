"""Any file of JSON lines with a prompt and an answer in each."""

from pathlib import Path

from evaluators.tasks.records import Record, choose, make_problem, read_records, refuse_duplicates, split_by_content
from evaluators.types import Problem, Split, TaskError


def build(
    split: Split,
    *,
    data: Path | None,
    prompt_field: str = "prompt",
    answer_field: str = "answer",
    split_field: str | None = None,
) -> list[Problem]:
    """The problems of ``split``, in the order of the file.

    Args:
        data: the file.
        prompt_field: holds the text that a model completes, used as it stands.
        answer_field: holds the expected answer, a text or a number.
        split_field: holds ``train``, ``validation`` or ``test``. Without it, a hash of the prompt assigns
            80 % to train, 10 % to validation and 10 % to test.
    """
    if data is None:
        raise TaskError("the task jsonl reads a file of JSON lines; pass its path as data")
    records = read_records(data)
    refuse_duplicates(records, prompt_field)
    problems = [_problem(record, prompt_field, answer_field, split_field) for record in records]
    remedy = "mark some lines so" if split_field else "add lines, or assign splits by a split_field"
    return choose(problems, split, str(data), remedy)


def _problem(record: Record, prompt_field: str, answer_field: str, split_field: str | None) -> Problem:
    prompt, answer = record.text(prompt_field), record.text(answer_field).strip()
    split = split_by_content(prompt) if split_field is None else _split(record, split_field)
    return make_problem(record, prompt=prompt, content=prompt, answer=answer, split=split)


def _split(record: Record, field: str) -> Split:
    value = record.text(field)
    if value not in list(Split):
        raise TaskError(f"{record.place}: {field!r} is {value!r}; it must be {', '.join(Split)}")
    return Split(value)
