"""A prompt as text, or as the messages of a chat: one question, and perhaps what the system says before it."""

from typing import Any

from evaluators.tasks.records import Record
from evaluators.types import TaskError


def question_in(record: Record, field: str) -> tuple[str, str]:
    """The question, and the system's message, which is empty where there is none.

    Raises:
        TaskError: no text, and no list of one system and one user message.
    """
    value = record.value(field)
    if not isinstance(value, list):
        return record.text(field), ""
    roles = [_role(turn) for turn in value]
    if roles not in (["user"], ["system", "user"]):
        raise TaskError(
            f"{record.place}: {field!r} is a list of {', '.join(roles) or 'nothing'}, not one user message with "
            f"at most a system message before it; name one text in it, such as {field}.0.content, or remove the line"
        )
    texts = [record.text(f"{field}.{place}.content") for place in range(len(value))]
    return texts[-1], texts[0] if len(texts) > 1 else ""


def _role(turn: Any) -> str:
    """``user``, or what else stands there."""
    return str(turn["role"]) if isinstance(turn, dict) and "role" in turn else type(turn).__name__
