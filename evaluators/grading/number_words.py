"""Integers in English words, below a billion: *eighteen*, *one hundred and twenty-five*, *ten thousand*."""

import re

_SMALL_TEXT = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen"
)
_TENS_TEXT = "twenty thirty forty fifty sixty seventy eighty ninety"
_SMALL, _TENS = _SMALL_TEXT.split(), _TENS_TEXT.split()
_VALUES = {word: n for n, word in enumerate(_SMALL)} | {word: 20 + 10 * n for n, word in enumerate(_TENS)}
_SCALES = {"hundred": 100, "thousand": 1000, "million": 1_000_000}
_WORD = "|".join(sorted([*_VALUES, *_SCALES], key=len, reverse=True))
_NUMBER = re.compile(
    rf"(?:a (?={'|'.join(_SCALES)}))?(?:{_WORD})(?:(?:[- ]|,? and |, )(?:{_WORD}))*(?![A-Za-z])"
    r"(?!-(?!half|third|quarter|fourth|fifth|sixth|eighth|tenth))",
    re.IGNORECASE,
)


_PARTS = {"half": 2, "third": 3, "quarter": 4, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7, "eighth": 8} | {
    "ninth": 9, "tenth": 10, "eleventh": 11, "twelfth": 12, "sixteenth": 16, "twentieth": 20
}  # fmt: skip
_PART = re.compile(rf"[- ](halves|(?:{'|'.join(_PARTS)})s?)(?![A-Za-z-])(?! grade)", re.IGNORECASE)


def parts(rest: str) -> tuple[int, int] | None:
    """The denominator of a word such as *thirds* after number words, and the end of the word."""
    found = _PART.match(rest)
    if found is None:
        return None
    word = found[1].lower().replace("halves", "half").removesuffix("s")
    return _PARTS[word], found.end()


def begins_with_words(text: str) -> tuple[int, int] | None:
    """The value of the number words at the start of a text, and their end."""
    found = _NUMBER.match(text)
    value = integer(found[0]) if found else None
    return (value, found.end()) if found and value is not None else None


def integer(text: str) -> int | None:
    """The integer that the whole text names; ``None`` if it names none or several."""
    words = [word for word in re.split(r"[-, ]+", text.lower()) if word not in ("and", "")]
    if words[:1] == ["a"]:
        words[0] = "one"
    total, part, last = 0, 0, 10**9
    for word in words:
        value = _VALUES.get(word)
        scale = _SCALES.get(word)
        if value is not None:
            if not (value < last and (value < 10 or last >= 100)):
                return None
            part += value
            last = 10 if value >= 20 else 1
        elif scale is not None and part:
            if scale == 100:
                part, last = part * 100, 100
            else:
                total, part, last = total + part * scale, 0, scale
        else:
            return None
    return total + part if words else None


def is_word(word: str) -> bool:
    """Whether this is a number word or its plural."""
    return (
        word in _VALUES or word.removesuffix("s") in (*_VALUES, *_SCALES) or word.removesuffix("ies") + "y" in _VALUES
    )
