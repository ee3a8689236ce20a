"""Options that many commands share, given to a command as one parameter."""

import inspect
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

Command = Callable[..., None]


def in_place_of(
    name: str, options: Mapping[str, inspect.Parameter], make: Callable[..., Any]
) -> Callable[[Command], Command]:
    """Give a command ``options`` in place of its parameter ``name``. The command gets the value ``make(**options)``."""

    def with_options(command: Command) -> Command:
        own = {key: one for key, one in inspect.signature(command).parameters.items() if key != name}

        @wraps(command)
        def given(**values: Any) -> None:
            chosen = {key: values.pop(key) for key in options}
            command(**values, **{name: make(**chosen)})

        shown = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in (*own.values(), *options.values())]
        given.__signature__ = inspect.Signature(shown)  # type: ignore[attr-defined]
        given.__annotations__ = {one.name: one.annotation for one in shown}
        return given

    return with_options
