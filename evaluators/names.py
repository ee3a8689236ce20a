"""Names that nobody knows, and what may have been meant."""

from collections.abc import Iterable
from difflib import get_close_matches


def suggestion(word: str, known: Iterable[str]) -> str:
    """To be put behind the unknown ``word`` in a message, whatever its case; empty if nothing is near."""
    spellings = {name.lower(): name for name in known}
    nearest = get_close_matches(word.lower(), spellings, n=1)
    return f", did you mean {spellings[nearest[0]]!r}?" if nearest else ""
