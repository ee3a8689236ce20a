r"""The answer of a text without a marker: its last formula or number, if the text or the last sentence ends there.

The number may be followed by the end of its sentence, or by a few words that do not begin a new clause: the text
``9*2 = 18 dollars, so she`` has no answer. Only the last 2000 characters are searched.
"""

import re
import unicodedata

from evaluators.grading.notation import TAG

_TAIL = 2000
_NUMBER = r"[-−]?\s?(?:\\?[$€£¥₹])?\s?-?(?:[0-9](?:[0-9,.]*[0-9])?|\.[0-9]+)"
_POWER = r"(?:[eE][-+]?[0-9]{1,3}(?![0-9])|[⁰¹²³⁴-⁹⁻]{1,4}|\s?(?:x|\\times|\\cdot)\s?10\s?\^\s?\{?[-−+]?[0-9]{1,3}\}?)?"
_COMPUTATION = re.compile(
    rf"(?<![A-Za-z0-9_.,^\\-]){_NUMBER}{_POWER}(?:\s*[-−+*/^×÷=]\s*\(?{_NUMBER}{_POWER}\)?)*"
    r"(?:[A-Za-z_^!]+|\s*\\?%|\s+(?:hundred|thousand|million|billion|trillion|dozen|percent)\b)?"
)
_FORMULA = re.compile(r"\$([^$\n]+)\$|\\\(([^\n]+?)\\\)|\\\[([^\n]+?)\\\]")
_PHRASE = re.compile(r"(?:answer|option|choice)\s+is:?\s+(?:option |choice )?([^\n.]{1,60})", re.IGNORECASE)
_UNIT = r"\\text\{[^{}]{0,40}\}(?:\^\{?[23]\}?)?"
_CLOSERS = rf"(?:[\s)\]}}\"'*$`|]|\\[)\],;]|-{{3,}}|\\end\{{[a-z]{{1,12}}\*?\}}|{_UNIT})*"
_WORD = r"[\s*$]*/?\s?[A-Za-z°\u3040-\uffef]+[²³]?"
_FINISHED = re.compile(
    rf"(?:\s*\([A-Za-z -]*\){_CLOSERS}|{_WORD}{_CLOSERS}|{_CLOSERS}|.*[.!?。！？]{_CLOSERS})", re.DOTALL
)
_CHOICE = re.compile(
    r"(?:(?:answer|option|choice)(?: is)?:? (?:option |choice )?"
    r"|(?:choose|select|pick|so|hence|thus|therefore),? (?:the )?(?:answer |option )?)(?:is )?[*$]*"
    r"(?P<said>(?:\(?[A-J]\)|[A-J](?=[.:*]|\s*$))(?!\s+(?:and|or)\b)[^\n]{0,80})$"
    r"|^[*\s]*(?:option |choice )?(?P<alone>\(?[A-J]\)?)[.*\s]*$"
    r"|\b(?P<correct>[A-J])\)? is (?:the )?(?:correct|right|answer)[^\n]{0,20}$",
    re.IGNORECASE,
)
_IS_IT = re.compile(r"\s+is (?:the|my|our) (?:final |correct )?answer$")
_HEDGED = re.compile(
    r"(?:\b(?:not|never|than)|n't|[\w)]\s?[<>≤≥≠]|(?:^|\s)\$?[0-9][0-9,.]*[*$]{0,2},? or)[\s*$\\(]*$", re.IGNORECASE
)
"""Words before a number that show that it is one of several or not the answer."""
_WORDS = re.compile(rf"[\s*$]*[A-Za-z]+(?:\s[A-Za-z]+){{1,6}}{_CLOSERS}")
_INSIDE = "per to at the a an of for in on with by from into each every more less times"
_OPENING = (
    "so and but or then because since which who that she he they it we i you if when while where plus minus than is are"
    " was were has have had will would can could after before"
)
_NEW_CLAUSE = frozenset(_OPENING.split())
"""Words that do not follow the number in a finished sentence."""
_CLAUSE = _NEW_CLAUSE.union(_INSIDE.split())
"""Words with which a finished sentence does not end."""


def last_expression(text: str) -> str | None:
    """The last expression without changes, or ``None``."""
    text = "".join(
        " " if unicodedata.category(c) in ("So", "Cf") and c != "°" else c for c in TAG.sub(" ", text[-_TAIL:])
    )
    text = text.rstrip()
    found = [*_FORMULA.finditer(text), *_COMPUTATION.finditer(text)]
    last = max(found, key=lambda match: (match.end(), -match.start())) if found else None
    if chosen := _CHOICE.search(text):
        letter = chosen["said"] or chosen["alone"] or chosen["correct"]
        if letter.lstrip("(")[0].isupper():
            return letter
    phrase = max(_PHRASE.finditer(text), key=lambda match: match.start(), default=None)
    if phrase is not None and (last is None or last.end() <= phrase.start(1)):
        return phrase[1] if _is_finished(text[phrase.end() :]) else None
    if last is None or not _is_finished(text[last.end() :]):
        return None
    if "=" not in last[0] and _HEDGED.search(text[max(0, last.start() - 60) : last.start()]):
        return None
    if last.lastindex is not None:
        return last[last.lastindex]
    before = text[: last.start()].rpartition("\n")[2].rstrip()
    bullet = last[0][:1] in "-−" and last[0][1:2] == " " and (not before or before[-1].isalpha())
    return last[0][1 if bullet else 0 :].rpartition("=")[2]


def _is_finished(rest: str) -> bool:
    if _FINISHED.fullmatch(rest) or _IS_IT.fullmatch(rest):
        return True
    words = re.findall("[a-z]+", rest.lower())
    return _WORDS.fullmatch(rest) is not None and words[-1] not in _CLAUSE and not _NEW_CLAUSE.intersection(words)
