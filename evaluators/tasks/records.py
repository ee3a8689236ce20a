"""What tasks with data share: reading JSON lines, splitting by content, making problems."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from hashlib import sha256
from math import isnan
from pathlib import Path
from typing import Any

from evaluators.grading.gold import GoldError, read_gold
from evaluators.types import Problem, Rubric, Split, TaskError


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """One object of a file of JSON lines, and where it stands."""

    place: str
    """``file:line``."""
    fields: dict[str, Any]

    def text(self, field: str) -> str:
        """The non-empty text of a field, or a number as text."""
        if field not in self.fields:
            raise TaskError(
                f"{self.place} has no field {field!r}, only {', '.join(self.fields) or 'an empty object'}; "
                "name the right field or mend the line"
            )
        value = self.fields[field]
        missing = isinstance(value, float) and isnan(value)  # as tables of the hub mark it
        if missing or isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
            raise TaskError(f"{self.place}: {field!r} must be a text or a number, not {str(value)[:40]}")
        if not str(value).strip():
            raise TaskError(f"{self.place}: {field!r} is empty; fill it or remove the line")
        return str(value)


def read_records(path: Path) -> list[Record]:
    """The objects of a UTF-8 file of JSON lines; blank lines are skipped."""
    if path.is_dir():
        raise TaskError(f"{path} is a folder; give a file of JSON lines")
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except FileNotFoundError:
        raise TaskError(f"there is no file {path}; give the path of a file of JSON lines") from None
    except UnicodeDecodeError as error:
        raise TaskError(f"{path} is not UTF-8 (byte {error.start}); convert it to UTF-8") from None
    except OSError as error:
        raise TaskError(f"{path} cannot be read: {error.strerror}") from error
    records = [_record(f"{path}:{number}", line) for number, line in enumerate(lines, 1) if line.strip()]
    if not records:
        raise TaskError(f"{path} is empty; it needs one JSON object a line")
    return records


def make_problem(
    record: Record, *, prompt: str, content: str, answer: str, split: Split, rubric: Rubric | None = None
) -> Problem:
    """A problem whose id follows from ``content``, the question itself without surroundings, and the answer.

    Raises:
        TaskError: the answer cannot be understood, so that no completion could be graded by it.
    """
    try:
        digest = sha256(f"{content}\0{answer}".encode()).hexdigest()
    except UnicodeEncodeError:
        raise TaskError(f"{record.place} holds half of a surrogate pair; mend the line") from None
    if rubric is None:
        try:
            read_gold(answer)
        except GoldError as error:
            raise TaskError(f"{record.place}: {error}") from None
    question = content if content != prompt else ""
    return Problem(id=digest[:16], prompt=prompt, answer=answer, split=split, question=question, rubric=rubric)


def share(content: str, parts: int) -> int:
    """Which of ``parts`` equal parts a text belongs to, by its hash: the same on every machine."""
    return int.from_bytes(sha256(content.encode(errors="surrogatepass")).digest()[:8], "big") % parts


def split_by_content(content: str) -> Split:
    """80 % train, 10 % validation, 10 % test."""
    return {0: Split.VALIDATION, 1: Split.TEST}.get(share(content, 10), Split.TRAIN)


def choose(problems: Sequence[Problem], split: Split, source: str, remedy: str) -> list[Problem]:
    """Those of ``split``; none at all would be a mistake in the data."""
    chosen = [problem for problem in problems if problem.split is split]
    if not chosen:
        raise TaskError(f"{source} has no problem of the {split} split among {len(problems)}; {remedy}")
    return chosen


def refuse_duplicates(records: Sequence[Record], field: str) -> None:
    """Splits would not be disjoint, and problems not be told apart, if a prompt stood there twice."""
    seen: dict[str, str] = {}
    for record in records:
        first = seen.setdefault(record.text(field).strip(), record.place)
        if first != record.place:
            raise TaskError(f"{record.place} repeats the {field} of {first}; remove one of them")


def _record(place: str, line: str) -> Record:
    try:
        fields = json.loads(line, parse_float=Decimal, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise TaskError(f"{place} is not JSON: {error.msg} at column {error.colno}; mend the line") from None
    except (ValueError, RecursionError) as error:
        raise TaskError(f"{place} is not JSON that can be read: {error}; mend the line") from None
    if not isinstance(fields, dict):
        raise TaskError(f"{place} is a JSON {type(fields).__name__}, not an object; mend the line")
    return Record(place=place, fields=fields)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")
