"""Texts that were cut off at a limit of tokens."""


def without_cut_word(text: str) -> str:
    """The text without its last word, which was cut: ``#### 1`` may be the beginning of ``#### 18``."""
    if not text or text[-1].isspace():
        return text
    return text.removesuffix(text.rsplit(maxsplit=1)[-1])
