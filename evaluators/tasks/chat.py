"""Prompts as texts or as messages of a chat, with one question and at most one system message before it."""

from typing import Any

from evaluators.tasks.records import Record
from evaluators.types import TaskError


def question_in(record: Record, field: str) -> tuple[str, str]:
    """The question and the system message, which may be empty.

    Raises:
        TaskError: the field is neither a text nor a list of at most one system message and one user message.
    """
    value = record.value(field)
    if not isinstance(value, list):
        return record.text(field), ""
    roles = [_role(turn) for turn in value]
    if roles not in (["user"], ["system", "user"]):
        raise TaskError(
            f"{record.place}: {field!r} is a list of {', '.join(roles) or 'nothing'}, not one user message with at "
            f"most one system message before it; name one text in it, such as {field}.0.content, or remove the line"
        )
    texts = [record.text(f"{field}.{place}.content") for place in range(len(value))]
    return texts[-1], texts[0] if len(texts) > 1 else ""


def _role(turn: Any) -> str:
    """The role of a message, such as ``user``."""
    return str(turn["role"]) if isinstance(turn, dict) and "role" in turn else type(turn).__name__
