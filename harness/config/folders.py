"""Names that are also names of folders: those of suites and arms."""

from typing import Annotated

from pydantic import AfterValidator


def folder_name(name: str) -> str:
    """The name, which must be that of a folder, because suites and arms have folders with their names.

    Raises:
        ValueError: it cannot be one.
    """
    if not name.strip() or name in (".", "..") or not name.isprintable() or set(name) & set("/\\"):
        raise ValueError(f"{name!r} cannot be the name of a folder; use letters, digits, dots and hyphens")
    return name


Name = Annotated[str, AfterValidator(folder_name)]
"""The name of a suite or an arm."""
