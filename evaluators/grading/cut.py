"""Texts that were cut off at a limit of tokens."""


def without_cut_word(text: str, *, truncated: bool) -> str:
    """The text. If it was truncated, its last word is removed: ``#### 1`` may be the beginning of ``#### 18``."""
    if not truncated or not text or text[-1].isspace():
        return text
    return text.removesuffix(text.rsplit(maxsplit=1)[-1])
