"""Names that nobody knows, and what may have been meant."""

from collections.abc import Iterable
from difflib import get_close_matches


def suggestion(word: str, known: Iterable[str]) -> str:
    """To be put behind the unknown ``word`` in a message; empty if nothing is near."""
    nearest = get_close_matches(word, list(known), n=1)
    return f", did you mean {nearest[0]!r}?" if nearest else ""
