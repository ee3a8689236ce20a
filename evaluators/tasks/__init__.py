"""Tasks: a name, and how the problems of a split are built.

A task is a module with ``build(split, *, data, **options)``; its keyword parameters are the task's options.
One of them may be ``variant``, which stands behind the task's name: ``reasoning_gym:countdown``.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evaluators.names import suggestion
from evaluators.tasks import aime, arithmetic, gsm8k, jsonl, math, math500, reasoning_gym, svamp
from evaluators.types import Problem, Split, TaskError


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """Where problems come from, and what they are like."""

    build: Callable[..., list[Problem]]
    tokens: int = 512
    """What a completion may take in an evaluation, unless its user says otherwise."""
    prompts: bool = False
    """Its problems are prompts already, not questions that still need an answer format."""


TASKS: Mapping[str, Task] = {
    "aime": Task(build=aime.build, tokens=8192),
    "arithmetic": Task(build=arithmetic.build, prompts=True),
    "gsm8k": Task(build=gsm8k.build),
    "jsonl": Task(build=jsonl.build, tokens=1024, prompts=True),
    "math": Task(build=math.build, tokens=2048),
    "math500": Task(build=math500.build, tokens=2048),
    "reasoning_gym": Task(build=reasoning_gym.build, tokens=1024),
    "svamp": Task(build=svamp.build),
}


def load_problems(name: str, split: Split, *, data: Path | str | None = None, **options: Any) -> list[Problem]:
    """The problems of ``split``, in an order that depends on the arguments alone.

    Args:
        name: a key of :data:`TASKS`, with a colon and a variant where the task has variants.
        data: the task's file or folder, where it takes one.
        options: the task's own, the keyword parameters of its ``build``.

    Raises:
        TaskError: an unknown name or option, or data that does not make a task.
    """
    task, colon, variant = name.partition(":")
    if task not in TASKS:
        raise TaskError(f"unknown task {name!r}{suggestion(task, TASKS)}; known tasks: {', '.join(TASKS)}")
    parameters = inspect.signature(TASKS[task].build).parameters
    if "variant" not in parameters and colon:
        raise TaskError(f"the task {task} has no variants; drop {colon + variant!r}")
    known = [p for p in parameters if p not in ("split", "data", "variant")]
    checks_itself = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    for option in options:
        if option == "variant" or (option not in known and not checks_itself):
            raise TaskError(
                f"the task {name} has no option {option!r}{suggestion(option, known)}; its options: {', '.join(known)}"
            )
    if "variant" in parameters:
        options["variant"] = variant
    return TASKS[task].build(split, data=None if data is None else Path(data), **options)
