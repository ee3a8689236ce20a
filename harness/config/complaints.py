"""What pydantic finds wrong with a setting, said to somebody who has typed it."""

from typing import Any, get_args, get_type_hints

TYPED = {
    "missing": "is missing",
    "bool": "must be true or false",
    "int": "must be a whole number",
    "float": "must be a number",
    "string": "must be a text",
    "tuple": "must be a list in square brackets, such as [3,5]",
    "list": "must be a list in square brackets, such as [3,5]",
    "dict": "must be a mapping in braces, such as {key: value}",
    "model": "must be a mapping in braces, such as {key: value}",
    "dataclass": "must be a mapping in braces, such as {key: value}",
}
"""By the first word of pydantic's kind of error; ``int_from_float`` and ``int_parsing`` are alike to the user."""
OTHERWISE = ("less", "greater", "too", "pattern")
"""Second words of kinds that a message of pydantic's says better."""


def sentence(problem: Any) -> str:
    """One of pydantic's errors, to stand behind the setting's name and a colon; with the input where it is not told."""
    kind = str(problem["type"])
    message = str(problem["msg"]).removeprefix("Value error, ").replace("Input should be", "must be")
    if kind == "value_error":
        return message
    first, _, rest = kind.partition("_")
    if kind == "missing":
        return TYPED[kind]
    if first in TYPED and not rest.startswith(OTHERWISE):
        message = TYPED[first]
    return f"{message}, not {problem['input']!r}"


def refuse_truth_values(value: Any, hint: Any) -> None:
    """``yes`` is true in YAML, and Python would take it for the number 1.

    Raises:
        ValueError: ``value`` is or holds a truth value, and ``hint`` is of numbers alone.
    """
    kinds = _leaves(hint)
    if not kinds & {int, float} or kinds & {bool, Any}:
        return
    for part in value if isinstance(value, list | tuple) else [value]:
        if isinstance(part, bool):
            raise ValueError(f"must be a number, not {part}; YAML reads yes and on as true")


def hints_of(cls: type) -> dict[str, Any]:
    """The types of the fields of an objective; none where they cannot be told, which pydantic then says."""
    try:
        return get_type_hints(cls)
    except (NameError, TypeError):
        return {}


def _leaves(hint: Any) -> set[Any]:
    """All types in a hint, without what only puts them together."""
    parts = get_args(hint)
    return set().union(*map(_leaves, parts)) if parts else {hint} if isinstance(hint, type) or hint is Any else set()
