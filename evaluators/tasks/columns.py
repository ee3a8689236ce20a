"""Suggestions if a column is missing: the option with the columns that may be meant, ready to be copied."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from evaluators.tasks.records import Record
from evaluators.types import TaskError

PLACEHOLDER = "COLUMN"
USUAL: Mapping[str, tuple[str, ...]] = {
    "answer": (
        "answer",
        "final_answer",
        "ground_truth",
        "target",
        "label",
        "final",
        "result",
        "solution",
        "output",
        "completion",
    ),
    "prompt": ("prompt", "question", "problem", "input", "query", "instruction", "messages", "text"),
}
"""Usual names of the columns of answers and questions, the most certain ones first."""


def missing_columns(source: str, record: Record, chosen: Mapping[str, str]) -> TaskError | None:
    """The error if a column ``chosen`` for prompt or answer is missing in the first record; otherwise None.

    Args:
        source: the file or other source of the record.
        chosen: the settings of the task ``jsonl`` without those that have their defaults, and its prompt and answer.
    """
    absent = [key for key in ("prompt", "answer") if not record.has(chosen[key])]
    if not absent:
        return None
    paths = list(_paths(record.fields))
    found = {key: value for key, value in chosen.items() if key not in absent}
    for key in (key for key in USUAL if key in absent):
        found[key] = _guess(USUAL[key], [path for path in paths if path not in found.values()])
    flag = f"--task '{as_task(found)}'"
    unknown = " and ".join(key for key in absent if found[key] == PLACEHOLDER)
    advice = f"pass {flag}" + (f" with the name of the {unknown}'s column for {PLACEHOLDER}" if unknown else "")
    columns = ", ".join(paths) or "none"
    return TaskError(f"{source} has no column {chosen[absent[0]]!r}; its columns: {columns}; {advice}")


def as_task(settings: Mapping[str, str]) -> str:
    """The task ``jsonl`` with these settings, in the form of ``--task``."""
    defaults = {"prompt": "prompt", "answer": "answer"}
    order = {
        key: settings[key]
        for key in ("hub", "config", "hub_split", "prompt", "answer", "solution", "split")
        if key in settings
    }
    given = [f"{key}={value}" for key, value in order.items() if defaults.get(key) != value]
    return f"jsonl:{','.join(given)}" if given else "jsonl"


def _paths(fields: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """All fields; nested ones have dotted paths."""
    for name, value in fields.items():
        if isinstance(value, dict) and value:
            yield from _paths(value, f"{prefix}{name}.")
        else:
            yield prefix + name


def _guess(usual: Iterable[str], paths: list[str]) -> str:
    """The path whose last part is one of the usual names or contains one."""
    last = {path: path.rpartition(".")[2].lower() for path in paths}
    for fits in (lambda name, word: name == word, lambda name, word: word in name):
        for word in usual:
            for path, name in last.items():
                if fits(name, word):
                    return path
    return PLACEHOLDER
