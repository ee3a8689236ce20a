"""Tasks: their names, and the functions that build the problems of a split.

A task is a module with ``build(split, *, data, **options)``; its keyword parameters are the task's options.
One of them may be ``variant``, which follows the task's name: ``reasoning_gym:countdown``.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import TypeAdapter, ValidationError

from evaluators import plugins
from evaluators.names import suggestion
from evaluators.tasks import aime, arithmetic, gsm8k, jsonl, math, math500, reasoning_gym, svamp
from evaluators.types import Problem, Split, TaskError


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """The module of a task, and properties of its problems."""

    build: Callable[..., list[Problem]]
    tokens: int = 512
    """The default limit of tokens of a completion in an evaluation."""
    prompts: bool = False
    """Whether its problems are complete prompts, and not questions that need an answer format."""
    template: bool = True
    """Whether its option ``prompt`` is a text with ``{question}``."""
    generated: bool = False
    """Whether it generates its problems. Then it needs no data, and published archives hold the problems."""


TASKS: Mapping[str, Task] = {
    "aime": Task(build=aime.build, tokens=8192),
    "arithmetic": Task(build=arithmetic.build, prompts=True, generated=True),
    "gsm8k": Task(build=gsm8k.build),
    "jsonl": Task(build=jsonl.build, tokens=1024, prompts=True, template=False),
    "math": Task(build=math.build, tokens=2048),
    "math500": Task(build=math500.build, tokens=2048),
    "reasoning_gym": Task(build=reasoning_gym.build, tokens=1024, generated=True),
    "svamp": Task(build=svamp.build),
}


NO_OPTIONS = ("data", "whole", "variant")
"""Parameters of ``build`` that are not options of the task."""


def added_tasks() -> dict[str, EntryPoint]:
    """The tasks of other packages, by name."""
    return plugins.plugins_of(plugins.TASKS, TASKS)


def task_names() -> list[str]:
    """The names of all tasks; those of other packages are last."""
    return [*TASKS, *added_tasks()]


def task_of(name: str) -> Task | None:
    """The task called ``name``, which may have a variant; None if there is none.

    Raises:
        PluginError: a package adds it, but it is not a task.
    """
    name = name.partition(":")[0]
    if name in TASKS or name not in (added := added_tasks()):
        return TASKS.get(name)
    found = plugins.loaded(added[name])
    if not isinstance(found, Task):
        raise plugins.PluginError(
            f"the task {name} of {plugins.origin_of(added[name])} at {added[name].value} is not an "
            "evaluators.tasks.Task"
        )
    return found


def asks_itself(name: str, options: Mapping[str, Any]) -> bool:
    """Whether the options of a task set the prompt; false for an unknown task."""
    task = task_of(name)
    return task is not None and task.template and "prompt" in options


def generates(name: str) -> bool:
    """Whether a task generates its problems; false for an unknown task."""
    task = task_of(name)
    return task is not None and task.generated


def options_of(name: str) -> list[str] | None:
    """The names of a task's options; None if they depend on the variant and only the task knows them.

    Raises:
        TaskError: there is no such task.
    """
    parameters = _parameters(name.partition(":")[0])
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
        return None
    return [
        key
        for key, parameter in parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY and key not in NO_OPTIONS
    ]


def load_problems(name: str, split: Split, /, *, data: Path | str | None = None, **options: Any) -> list[Problem]:
    """The problems of ``split``, in an order that only depends on the arguments.

    Args:
        name: a key of :data:`TASKS`, with a colon and a variant if the task has variants.
        data: the task's file or folder, if it needs one.
        options: the options of the task, which are keyword parameters of its ``build``.

    Raises:
        TaskError: the name or an option is unknown, or the data is not valid.
    """
    return _build(name, split, data, options)


def load_whole(name: str, /, *, data: Path | str | None = None, **options: Any) -> list[Problem] | None:
    """All problems as test problems if the data assigns no splits, such as a single file; otherwise None.

    A run that trains on such data uses the splits of :func:`load_problems`, by a hash of the question.
    """
    if "whole" not in _parameters(name.partition(":")[0]):
        return None
    return _build(name, Split.TEST, data, options, whole=True) or None


def _build(name: str, split: Split, data: Path | str | None, options: dict[str, Any], **more: Any) -> list[Problem]:
    task, colon, variant = name.partition(":")
    parameters, known = _parameters(task), options_of(name)
    if "variant" not in parameters and colon:
        raise TaskError(f"the task {task} has no variants; remove {colon + variant!r}")
    for option in options:
        taken = option in parameters and parameters[option].kind is not inspect.Parameter.KEYWORD_ONLY
        if option in NO_OPTIONS or taken or (known is not None and option not in known):
            names = known or []
            raise TaskError(
                f"the task {name} has no option {option!r}{suggestion(option, names)}; its options: {', '.join(names)}"
            )
    _check_types(name, options, parameters)
    if "variant" in parameters:
        more["variant"] = variant
    return _known(task).build(split, data=None if data is None else Path(data), **options, **more)


def _check_types(name: str, options: Mapping[str, Any], parameters: Mapping[str, inspect.Parameter]) -> None:
    """Refuse values that are not of a declared plain type. Otherwise a task would end in a traceback."""
    for option, value in options.items():
        if option not in parameters or not _is_plain(hint := parameters[option].annotation):
            continue
        try:
            TypeAdapter(hint).validate_python(value, strict=True)
        except ValidationError as error:
            must = error.errors()[0]["msg"].replace("Input should be", "must be")
            raise TaskError(f"the task {name}: its option {option} {must}, not {value!r}") from error


def _is_plain(hint: Any) -> bool:
    """Whether a type consists of numbers, texts, truth values, constants and None, which YAML writes as they are."""
    if get_origin(hint) in (Union, UnionType):
        return all(map(_is_plain, get_args(hint)))
    return hint in (int, float, str, bool, type(None)) or get_origin(hint) is Literal


def _parameters(task: str) -> Mapping[str, inspect.Parameter]:
    return inspect.signature(_known(task).build).parameters


def _known(name: str) -> Task:
    task = task_of(name)
    if task is None:
        names = task_names()
        raise TaskError(f"unknown task {name!r}{suggestion(name, names)}; known tasks: {', '.join(names)}")
    return task
