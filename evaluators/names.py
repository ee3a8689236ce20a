"""Suggestions for unknown names."""

from collections.abc import Iterable
from difflib import get_close_matches


def suggestion(word: str, known: Iterable[str]) -> str:
    """The end of a message about the unknown ``word``, ignoring case; empty if no known name is similar."""
    spellings = {name.lower(): name for name in known}
    nearest = get_close_matches(word.lower(), spellings, n=1)
    return f", did you mean {spellings[nearest[0]]!r}?" if nearest else ""
