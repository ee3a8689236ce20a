"""Tasks: a name, and how the problems of a split are built.

A task is a module with ``build(split, *, data, **options)``; its keyword parameters are the task's options.
"""

import inspect
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from evaluators.tasks import aime, arithmetic, gsm8k, jsonl, math, math500, svamp
from evaluators.types import Problem, Split, TaskError

TASKS: Mapping[str, Callable[..., list[Problem]]] = {
    "aime": aime.build,
    "arithmetic": arithmetic.build,
    "gsm8k": gsm8k.build,
    "jsonl": jsonl.build,
    "math": math.build,
    "math500": math500.build,
    "svamp": svamp.build,
}


def load_problems(name: str, split: Split, *, data: Path | str | None = None, **options: Any) -> list[Problem]:
    """The problems of ``split``, in an order that depends on the arguments alone.

    Args:
        name: a key of :data:`TASKS`.
        data: the task's file or folder, where it takes one.
        options: the task's own, the keyword parameters of its ``build``.

    Raises:
        TaskError: an unknown name or option, or data that does not make a task.
    """
    if name not in TASKS:
        raise TaskError(f"unknown task {name!r}{_suggestion(name, TASKS)}; known tasks: {', '.join(TASKS)}")
    known = [p for p in inspect.signature(TASKS[name]).parameters if p not in ("split", "data")]
    for option in options:
        if option not in known:
            raise TaskError(
                f"the task {name} has no option {option!r}{_suggestion(option, known)}; its options: {', '.join(known)}"
            )
    return TASKS[name](split, data=None if data is None else Path(data), **options)


def _suggestion(word: str, known: Iterable[str]) -> str:
    nearest = get_close_matches(word, list(known), n=1)
    return f", did you mean {nearest[0]!r}?" if nearest else ""
