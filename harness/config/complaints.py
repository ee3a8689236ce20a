"""Messages about wrong settings, from the errors of pydantic."""

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
"""Messages by the first word of pydantic's error type. For users, ``int_from_float`` equals ``int_parsing``."""
OTHERWISE = ("less", "greater", "too", "pattern")
"""Second words of error types for which pydantic's own message is better."""


def sentence(problem: Any) -> str:
    """The message of a pydantic error, to follow the name of the setting and a colon. It includes the input."""
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
    """Refuse booleans for numbers. ``yes`` is true in YAML, and Python would accept it as the number 1.

    Raises:
        ValueError: ``value`` is or contains a boolean, but ``hint`` only allows numbers.
    """
    kinds = _leaves(hint)
    if not kinds & {int, float} or kinds & {bool, Any}:
        return
    for part in value if isinstance(value, list | tuple) else [value]:
        if isinstance(part, bool):
            raise ValueError(f"must be a number, not {part}; YAML reads yes and on as true")


def hints_of(cls: type) -> dict[str, Any]:
    """The types of an objective's fields. Empty if they cannot be resolved, which pydantic then reports."""
    try:
        return get_type_hints(cls)
    except (NameError, TypeError):
        return {}


def _leaves(hint: Any) -> set[Any]:
    """All types in a hint, without containers and unions."""
    parts = get_args(hint)
    return set().union(*map(_leaves, parts)) if parts else {hint} if isinstance(hint, type) or hint is Any else set()
