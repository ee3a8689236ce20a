"""The split of a record if the data assigns one: by a column, or by the names of its files."""

import re
from collections.abc import Sequence

from evaluators.tasks.records import Record, share
from evaluators.types import Split, TaskError

COLUMN = "split"
"""The column that is used if a single file has it."""
WORDS = {
    "train": Split.TRAIN,
    "validation": Split.VALIDATION,
    "valid": Split.VALIDATION,
    "val": Split.VALIDATION,
    "dev": Split.VALIDATION,
    "test": Split.TEST,
}
VALIDATION_PARTS = 20
"""The share of the train problems in the validation split, as one part of this number, if the data has none."""


def split_of_record(record: Record, column: str = COLUMN) -> Split:
    """The split in ``column``."""
    word = record.text(column)
    if word.strip().lower() not in WORDS:
        raise TaskError(
            f"{record.place}: {column!r} is {word[:40]!r}; it must be {', '.join(WORDS)}; fix the line, or rename "
            "the column if it does not assign splits"
        )
    return WORDS[word.strip().lower()]


def splits_of_names(names: Sequence[str], *, where: str, remedy: str) -> list[Split] | None:
    """A split for each of ``mine_train.jsonl``, ``dev.csv``, ``test-00000-of-00001.parquet``; None if all are one set.

    Raises:
        TaskError: some names say one split, and others none or several. The message has ``where`` and ``remedy``.
    """
    said = [{WORDS[word] for word in re.findall("[a-z]+", name.lower()) if word in WORDS} for name in names]
    if len(set().union(*said)) < 2 and all(len(words) < 2 for words in said):
        return None
    for name, words in zip(names, said, strict=True):
        if len(words) != 1:
            raise TaskError(
                f"{where} and the files next to it: the name {name!r} says {'two splits' if words else 'no split'}, "
                f"but others say one; {remedy}"
            )
    return [words.pop() for words in said]


def with_validation(splits: Sequence[Split], contents: Sequence[str]) -> list[Split]:
    """The splits, with a fixed 5 % of train (by a hash of the text) as validation if there is no validation data."""
    if Split.VALIDATION in splits:
        return list(splits)
    return [
        Split.VALIDATION if split is Split.TRAIN and not share(content, VALIDATION_PARTS) else split
        for split, content in zip(splits, contents, strict=True)
    ]
