"""Functions for tasks with data: records and their fields, splits by content, and the construction of problems."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from hashlib import sha256
from math import isnan
from typing import Any

from evaluators.grading.gold import GoldError, read_gold
from evaluators.types import Framing, Problem, Rubric, Split, TaskError

MISSING = object()
"""The value of a missing field."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """One object of a file, and its position there."""

    place: str
    """``file:line``, or ``file, row 3``."""
    fields: dict[str, Any]

    def value(self, field: str) -> Any:
        """The value of a field. Use dots for nested fields: ``reward_model.ground_truth``, ``turns.0.content``."""
        found = _within(self.fields, field)
        if found is MISSING:
            raise TaskError(
                f"{self.place} has no field {field!r}, only {', '.join(self.fields) or 'an empty object'}; "
                "name the right field or fix the line"
            )
        return found

    def has(self, field: str) -> bool:
        """Whether the field exists, with any value."""
        return _within(self.fields, field) is not MISSING

    def text(self, field: str) -> str:
        """The non-empty text of a field, or a number as text."""
        value = self.value(field)
        missing = value is None or (isinstance(value, float) and isnan(value))  # as tables mark it
        if missing or isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
            raise TaskError(f"{self.place}: {field!r} must be a text or a number, not {str(value)[:40]}")
        if not str(value).strip():
            raise TaskError(f"{self.place}: {field!r} is empty; fill it or remove the line")
        return str(value)


def _within(content: Any, field: str) -> Any:
    """The value of a field, or ``MISSING``. A field whose name has dots in it has priority over a path."""
    if isinstance(content, dict) and field in content:
        return content[field]
    first, dot, rest = field.partition(".")
    if isinstance(content, list) and first.isdecimal() and int(first) < len(content):
        found = content[int(first)]
    elif isinstance(content, dict) and dot and first in content:
        found = content[first]
    else:
        return MISSING
    return _within(found, rest) if dot else found


def make_problem(
    record: Record,
    *,
    prompt: str,
    content: str,
    answer: str,
    split: Split,
    rubric: Rubric | None = None,
    solution: str = "",
    system: str = "",
) -> Problem:
    """A problem. Its id is computed from ``content``, which is the question without a template, and the answer.

    Raises:
        TaskError: the answer cannot be understood, so no completion could be graded with it.
    """
    try:
        digest = sha256(f"{content}\0{answer}".encode()).hexdigest()
    except UnicodeEncodeError:
        raise TaskError(f"{record.place} has half of a surrogate pair; fix the line") from None
    if rubric is None:
        try:
            read_gold(answer)
        except GoldError as error:
            raise TaskError(f"{record.place}: {error}") from None
    return Problem(
        id=digest[:16],
        prompt=prompt,
        answer=answer,
        split=split,
        question=content,
        rubric=rubric,
        solution=solution,
        framing=Framing(system=system),
    )


def share(content: str, parts: int) -> int:
    """The index of a text among ``parts`` equal parts, by its hash. It is the same on every machine."""
    return int.from_bytes(sha256(content.encode(errors="surrogatepass")).digest()[:8], "big") % parts


def split_by_content(content: str) -> Split:
    """80 % train, 10 % validation, 10 % test."""
    return {0: Split.VALIDATION, 1: Split.TEST}.get(share(content, 10), Split.TRAIN)


def choose(problems: Sequence[Problem], split: Split, source: str, remedy: str) -> list[Problem]:
    """The problems of ``split``. If there are none, this is an error in the data."""
    chosen = [problem for problem in problems if problem.split is split]
    if not chosen:
        raise TaskError(f"{source} has {len(problems)} problems, but none in the {split} split; {remedy}")
    return chosen


def refuse_duplicates(records: Sequence[Record], contents: Sequence[str], field: str) -> None:
    """Refuse duplicate questions, because splits would not be disjoint and ids not unique.

    ``contents``: the question in ``field`` of each record.
    """
    seen: dict[str, str] = {}
    for record, content in zip(records, contents, strict=True):
        first = seen.setdefault(content.strip(), record.place)
        if first != record.place:
            raise TaskError(f"{record.place} repeats the {field} of {first}; remove one of them")
