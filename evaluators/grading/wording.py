r"""Answers that are not mathematics: choices, words, times of day, dates, ratios, scores, numerals with a base."""

import re

from evaluators.grading.notation import worded
from evaluators.grading.number_words import integer
from evaluators.grading.scalars import without_lead

_CHOICE = re.compile(r"[(\[]?\s?([A-J])\s?[)\]]?(?:(?<=[)\]])\s?:?|\s?[.):])?(?:(?<=[.):\]])\s*(?P<rest>\S.*))?")
_SELECTION = re.compile(r"\(?([A-J])\)?((?:\s?(?:,|;|&|\\&|and|,\s?and)?\s?\(?[A-J]\)?)+)")
_TIME = re.compile(
    r"(?P<hour>[0-9]{1,2})(?:(?::|\.(?=[0-5][0-9]\s?[aApP]))(?P<minute>[0-5][0-9])(?::(?P<second>[0-5][0-9]))?)?\s?"
    r"(?:(?P<half>[aApP])\.?\s?[mM]\.?|(?P<clock>o'?clock))?"
)
_RATIO = re.compile(r"[0-9]+(?:\.[0-9]+)?(?:\s?:\s?[0-9]+(?:\.[0-9]+)?){1,4}")
_MONTHS = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
]
_MONTH = rf"(?P<month>{'|'.join(f'{name[:3]}(?:{name[3:]})?' for name in _MONTHS)})\.?"
_DATES = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"{_MONTH}\s(?P<day>[0-9]{{1,2}})(?:st|nd|rd|th)?(?:,?\s(?P<year>[0-9]{{4}}))?",
        rf"(?:the )?(?P<day>[0-9]{{1,2}})(?:st|nd|rd|th)?\s(?:of )?{_MONTH}(?:,?\s(?P<year>[0-9]{{4}}))?",
        r"(?P<year>[0-9]{4})-(?P<month>0[1-9]|1[0-2])-(?P<day>[0-3][0-9])",
    )
]
_WEEKDAY = re.compile(r"(?:mon|tues|wednes|thurs|fri|satur|sun)day,?\s", re.IGNORECASE)
_BASED = re.compile(
    r"\(?(?P<digits>-?[0-9A-F]+(?:\.[0-9A-F]+)?)\)?\s?"
    r"(?:_\s?\{?\s?(?:base )?\(?(?P<base>[0-9]+|[a-z]+)\)?\s?\}?|\(?\s?(?:in )?base[- ](?P<base1>[0-9]+|[a-z]+)\s?\)?)"
)
_NOTHING = re.compile(
    r"\\emptyset|none|(?:the )?(?:empty|null) set|(?:there (?:is|are) |has |have )?no (?:such )?solutions?(?: exists?)?"
    r"|(?:a )?no[- ]solution|(?:the )?(?:equation|system|inequality) has no solutions?"
)


_SYNONYMS = {
    "dne": "does not exist",
    "infinite": "infinitely many",
    "infinite solutions": "infinitely many",
    "infinitely many solutions": "infinitely many",
}


def choice(text: str) -> str | None:
    """The letter of one option of a multiple choice, A to J."""
    text = without_lead(worded(text))
    text = re.sub(
        r"^(?:option|choice|answer)\s+|\s(?:is|as) (?:the )?(?:correct|right|answer).*$", "", text, flags=re.IGNORECASE
    )
    text = re.sub(r"(?<=^[A-J]) - |(?<=^[A-J]) (?=\([^()]{2,}\)$)", ". ", text)
    if re.fullmatch(r"\(?[a-e]\)|[a-e]", text):
        text = text.upper()
    found = _CHOICE.fullmatch(text)
    if found is None or (found["rest"] and re.match(r"(?:(?:or|and)\b|[(\[]?[A-J][)\].,:]|[A-J]$)", found["rest"])):
        return None
    return found[1]


def selection(text: str) -> str | None:
    """The letters of several options, in the order of the text."""
    text = re.sub(r"^(?:both |options? |choices? |answers? )+", "", without_lead(worded(text)), flags=re.IGNORECASE)
    text = re.sub(r"^\\?\{(.*?)\\?\}$", r"\1", text)
    found = _SELECTION.fullmatch(text)
    letters = re.findall("[A-J]", text) if found else []
    return "".join(letters) if len(letters) > 1 and len(set(letters)) == len(letters) else None


def time_of_day(text: str) -> tuple[int, int, int, str] | None:
    """Hour as written, minute, second, and ``a``, ``p`` or an empty text."""
    text = re.sub(r"^at |(?<=[0-9]) h(?:ours)?$", "", worded(text)) if ":" in text or "." in text else worded(text)
    text = {"noon": "12:00 pm", "midnight": "12:00 am"}.get(text.lower(), text)
    found = _TIME.fullmatch(text)
    if found is None or not (found["minute"] or found["half"] or found["clock"]):
        return None
    hour = int(found["hour"])
    if hour > 24 or (found["half"] and not 1 <= hour <= 12):
        return None
    return hour, int(found["minute"] or 0), int(found["second"] or 0), (found["half"] or "").lower()


def same_time(gold: str, answer: str) -> bool:
    """Whether two times are equal. If a.m. or p.m. is expected, it must be stated, or implied by 24 hours."""
    mine, theirs = time_of_day(gold), time_of_day(answer)
    if mine is None or theirs is None:
        return False
    if mine == theirs:
        return True
    if not mine[3] and mine[0] <= 12:
        return mine[:3] == theirs[:3] or (mine[1:3] == theirs[1:3] and mine[0] == theirs[0] and theirs[3] != "")
    return _hours(mine) == _hours(theirs) and mine[1:3] == theirs[1:3]


def ratio(text: str) -> str | None:
    text = re.sub(
        r"^(?:the )?ratio(?: is|:)? |^[A-Za-z](?: ?: ?[A-Za-z])+ ?= ?| ratio$", "", worded(text), flags=re.IGNORECASE
    )
    text = re.sub(r"(?<=[0-9])[\s-]+to[\s-]+(?=[0-9])|\s?\\colon\s?", ":", text)
    return re.sub(r"\s", "", text) if _RATIO.fullmatch(text) else None


def date(text: str) -> tuple[int, int, int] | None:
    """Year (0 if it is missing), month, day."""
    text = _WEEKDAY.sub("", worded(text), count=1)
    for pattern in _DATES:
        if found := pattern.fullmatch(text):
            month = found["month"].lower()
            number = int(month) if month.isdigit() else [name[:3] for name in _MONTHS].index(month[:3]) + 1
            return int(found["year"] or 0), number, int(found["day"])
    return None


def score(text: str) -> str | None:
    """Numbers joined by dashes, or three numbers joined by slashes: a score, a date or another code."""
    text = worded(text)
    if not re.fullmatch(r"[0-9]+(?:\s?-\s?[0-9]+)+|[0-9]{1,2}/[0-9]{1,2}/[0-9]{2,4}", text):
        return None
    return re.sub(r"\s", "", text)


def based(text: str) -> tuple[str, int] | None:
    """Digits and base of a numeral with a base."""
    found = _BASED.fullmatch(worded(text))
    base = (found["base"] or found["base1"]) if found else None
    if found is None or base is None:
        return None
    value = int(base) if base.isdigit() else integer(base) or 0
    return (found["digits"], value) if 2 <= value <= 36 else None


def is_nothing(text: str) -> bool:
    """Whether this is the empty set, in symbols or words."""
    return _NOTHING.fullmatch(worded(text).lower().removeprefix("x \\in ")) is not None


def words(text: str) -> str:
    """The text for comparison: lower case, without articles, quotes, hyphens and introductory words."""
    text = without_lead(worded(text)).lower()
    text = re.sub(r"^(?:on|in|at) ", "", text)
    text = re.sub(r"[\"'`.!?()]|\\text", "", re.sub(r"(?<=\w)-(?=\w)", " ", text))
    text = re.sub(r"\s*,?\s*(?:\band\b|\\?&|,)\s*", " , ", text)
    text = " ".join(re.sub(r"^(?:the|an?)\s", "", text.strip()).split())
    if found := re.fullmatch(r"(yes|no|true|false) , (?!.*\b(?:yes|no|not|or|true|false)\b).*", text):
        return found[1]
    if text.startswith("no "):
        text = text.removesuffix("s")
    return _SYNONYMS.get(text, text)


def _hours(time: tuple[int, int, int, str]) -> int:
    hour, half = time[0], time[3]
    return hour % 12 + (12 if half == "p" else 0) if half else hour
