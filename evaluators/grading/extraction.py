r"""Extraction of the answer from a completion.

The markers are ``\boxed{x}``, ``#### x`` and ``Answer: x``; the last two end with their line. The rules are:

- The last marker counts. All other text is ignored, except for rivals.
- Rivals: if the last marker is a ``####`` or an answer line, all markers of this kind must have the same answer.
  Markers next to each other, with only punctuation, "and" or "or" between them, must agree as well. Otherwise no answer
  is found. So several guesses are wrong. A completion that continues with another question is wrong too, unless it
  leaves that question unanswered. But a last *box* of another question counts as the answer, because stop strings are
  set by the sampler.
- If the last marker is cut off (``####`` at the end, ``\boxed{18``), no answer is found, even if an earlier one is
  complete.
- The text after ``</think>`` counts, unless it agrees with a marker before that.
- The second ``####`` of ``#### 18 ####`` closes the first.
- Mentions are not markers: an empty ``\boxed{}``, *mark it with ####*, and headings such as ``#### Step 1``. After the
  heading ``#### Final answer``, the next line is the answer.
- Without any marker, ``unmarked`` looks for the last formula or number.

A text that is cut off exactly after ``#### 1`` of ``#### 18`` looks complete; only the caller can know about the cut.
Every search is linear in the length of the text, or limited to its last 2000 characters.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from evaluators.grading.comparison import canonical
from evaluators.grading.notation import TAG, squeeze
from evaluators.grading.unmarked import last_expression

_MARKER = re.compile(
    r"(?<!#)####(?!#)|\\(?:boxed|fbox|framebox)\s*\{|\\(?:boxed|fbox|framebox)\s*(?=[-+]?[0-9]|\\frac|[A-J](?![A-Za-z]))"
    r"|(?:(?m:^)[ \t>*_#✅-]{0,12}(?i:(?:the |my |our )?(?:final |correct )?answer)|(?<![A-Za-z])(?:Answer|ANSWER))"
    r"(?:\*\*|__)?\s?[:：](?:\*\*|__)?"
)
_LINE = re.compile(r"[^\n#]*")
_BOX = re.compile(r"\\(?:boxed|fbox|framebox)\s*[{0-9]")
_NEXT_LINE = re.compile(r"[^\S\n]{0,20}\n\s{0,20}([^\s#][^\n#]{0,120})")
_UNBRACED = re.compile(r"(?:\\frac\s?(?:\{[^{}]*\}|[0-9])\s?(?:\{[^{}]*\}|[0-9])|[^\s$])+")
_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)
_NESTED = re.compile(
    r"[\s$*:]{0,20}(?:[A-Za-z']{1,20}\s{1,2}){0,8}[\s$*:]{0,20}(?:\\(?:boxed|fbox|framebox)\s*[{0-9]|(?<!#)####(?!#)|(?:Answer|ANSWER)\s?[:：])"
)
_BOX_ALONE = re.compile(r"\s*\$?\s*\\(?:boxed|fbox|framebox)\s*\{(.*)\}\s*\$?\s*", re.DOTALL)
_BETWEEN = re.compile(r"(?:[\s,;.:$&*]|\\[,;!()\[\] ]|\\q?quad|and|or|\\text\{\s*(?:and|or)\s*\})*")
_LONGEST_BETWEEN = 60
_HEADING = re.compile(
    r"(?:step|part|case|method|solution|explanation|calculat\w*|approach|verification|check|conclusion|problem|question"
    r"|given|summary|analysis|reasoning|working|understanding|comput\w*|find\w*|determin\w*)\b",
    re.IGNORECASE,
)
_MENTION = re.compile(
    r"(?:to|for|and|as|before|after|with|then|followed|at|in|on|line|marker|sign|is|will|should|above|below|symbol|format|prefix)\b"
)
_TITLE = re.compile(r"(?:the )?(?:final |correct )?(?:answer|result)(?: is)?\W*", re.IGNORECASE)
_PLACEHOLDER = re.compile(r"<[A-Za-z _]{2,}>|\[[A-Za-z _]{2,}\]|\.\.\.|answer|see (?:above|below)")


class Marker(StrEnum):
    """The marker of an answer."""

    BOXED = "boxed"
    r"""``\boxed{x}``."""
    HASH = "hash"
    """``#### x``, to the end of the line."""
    ANSWER_LINE = "answer_line"
    """``Answer: x``, to the end of the line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Extraction:
    """The normalised answer or ``None``, and whether it has the requested marker."""

    answer: str | None
    marked: bool


@dataclass(frozen=True, slots=True)
class _Found:
    start: int
    end: int
    answer: str
    """The normalised answer; empty if it is cut off."""
    kinds: frozenset[Marker]
    """The markers, several for ``#### \\boxed{18}``."""
    closed: bool
    """Whether this is a complete box, which may be empty."""
    title: bool
    """Whether the words after ``####`` or *Answer:* look like a heading."""


def extract(text: str, marker: Marker | None = None) -> Extraction:
    r"""The answer of ``text``, by the rules above.

    Args:
        text: a completion.
        marker: the requested marker; ``None`` for ``####`` or ``\boxed``. The answer is that of the last marker of any
            kind; ``marked`` says whether the last requested marker has the same answer.
    """
    text = text.replace("\\#", "#").replace("＃", "#").replace("\x08oxed", "\\boxed")
    asked = frozenset([marker]) if marker else frozenset([Marker.BOXED, Marker.HASH])
    found = _meant(list(_markers(text)), asked)
    if not found:
        return Extraction(answer=tidy(last_expression(text) or "") or None, marked=False)
    last = found[-1]
    _, thought, reply = text[last.end :].rpartition("</think>")
    said = tidy(last_expression(reply) or "") if thought else ""
    if said and not _agree([said, last.answer]):
        return Extraction(answer=said, marked=False)
    named = [last.answer]
    for kind in last.kinds - {Marker.BOXED}:
        named += [one.answer for one in found if kind in one.kinds]
    for earlier, later in zip(found[-2::-1], found[:0:-1], strict=True):
        if not _adjacent(text, earlier, later):
            break
        named.append(earlier.answer)
    asked_for = next((one for one in reversed(found) if one.kinds & asked), None)
    marked = asked_for is not None and (asked_for is last or _agree([asked_for.answer, last.answer]))
    return Extraction(answer=(last.answer or None) if _agree(named) else None, marked=marked)


def last_box(solution: str) -> str | None:
    r"""The normalised content of the last ``\boxed`` of a published solution or, without it, of the last ``\fbox``.

    ``None`` if there is none, or if it is empty or cut off. Solutions are trusted, so several different boxes are
    allowed. A box may have no braces, as in ``$\boxed 2$``; it then ends with the formula or the line.
    """
    for command in (r"\boxed", r"\fbox"):
        _, found, after = solution.rpartition(command)
        after = after.lstrip()
        if found:
            answer = _box(after, 1)[0] if after.startswith("{") else re.split(r"[$\n]", after, maxsplit=1)[0]
            return tidy(answer) or None
    return None


def tidy(answer: str) -> str:
    """``answer`` without maths delimiters, tags, emphasis and a full stop. A price keeps its $."""
    answer = TAG.sub(" ", answer.replace("\0", " ")).replace("\\$", "\0")
    answer = re.sub(r"\$([^$]*)\$", r" \1 ", answer.replace("$$", " "))
    answer = re.sub(r"\$(?!\s?-?[0-9.])", " ", answer).replace("\0", "$")
    answer = re.sub(r"(?<!\\)\\[()\[\]]", " ", answer).replace("−", "-")
    answer = " ".join(answer.split()).strip("*` ")
    return (answer if answer.endswith("..") else answer.removesuffix(".")).strip("*` ")


def without_price(answer: str) -> str:
    """The answer without the dollar sign that ``tidy`` keeps, because scorers expect plain numbers."""
    return answer.replace("$", "").strip()


def _agree(answers: list[str]) -> bool:
    """Whether all answers agree. A chain of equations is not the same as its value."""
    distinct = set(answers)
    if len(distinct) == 1 or len(distinct) > 10:
        return len(distinct) == 1
    return len({squeeze(answer) if "=" in answer else canonical(answer) for answer in distinct}) == 1


def _meant(found: list[_Found], asked: frozenset[Marker]) -> list[_Found]:
    """The markers without mentions and without empty ones before the last. An empty last marker is cut off."""
    while len(found) > 1 and not found[-1].answer:
        ignored = found[-1].closed or not (found[-1].kinds & asked or Marker.HASH in found[-1].kinds)
        if not ignored:
            break
        found.pop()
    if len(found) > 1 and found[-1].title and not found[-1].kinds & asked:  # "Answer: see above"
        found.pop()
    numeric = bool(re.search("[0-9]", found[-1].answer)) if found else False
    return [
        one
        for one in found
        if one is found[-1] or (one.answer and not one.title and not (numeric and _is_heading(one)))
    ]


def _is_heading(one: _Found) -> bool:
    """Whether an earlier marker is a heading, if the last one has a number."""
    return Marker.BOXED not in one.kinds and re.match(r"[^0-9]*$|\(?[0-9]+[.):]\s+[A-Za-z]", one.answer) is not None


def _markers(text: str) -> Iterator[_Found]:
    position, start, hashed = 0, -1, False
    kinds: frozenset[Marker] = frozenset()
    while found := _MARKER.search(text, position):
        inside = found.end()
        start = found.start() if start < 0 else start
        if hashed and _closes(text, position, found):
            position, start = inside, -1
            continue
        boxed = "box" in found[0]
        kind = Marker.BOXED if boxed else Marker.HASH if found[0] == "####" else Marker.ANSWER_LINE
        if not boxed and _holds_marker(text, inside, kind):  # the box of `#### \boxed{18}` is its marker
            kinds, position = kinds | {kind}, inside
            continue
        if boxed:
            answer, position = _box(text, inside) if found[0].endswith("{") else _word(text, inside)
        elif (read := _line(text, found.start(), inside, kind)) is not None:
            answer, position = read
        else:
            position, start, kinds = inside, -1, frozenset()
            continue
        closed = boxed and position <= len(text)
        yield _Found(start, position, tidy(answer), kinds | {kind}, closed, not boxed and _is_title(answer))
        hashed = Marker.HASH in kinds | {kind}
        start, kinds = -1, frozenset()


def _closes(text: str, position: int, found: re.Match[str]) -> bool:
    """Whether this is the second ``####`` of ``#### 18 ####``, if the answer ends at ``position``."""
    line = _LINE.match(text, found.end())
    between = text[position : found.start()]
    return found[0] == "####" and line is not None and "\n" not in between and not between.strip() + line[0].strip()


def _holds_marker(text: str, inside: int, kind: Marker) -> bool:
    """Whether the answer of a marker is in another marker. Words may precede it; on an answer line, anything."""
    line = _LINE.match(text, inside)
    boxed = kind is Marker.ANSWER_LINE and line is not None and _BOX.search(line[0]) is not None
    return boxed or _NESTED.match(text, inside) is not None


def _box(text: str, inside: int) -> tuple[str, int]:
    """The content of the brace before ``inside`` and its end. If it is cut off: empty, with an end after the text.

    If a box only contains another box, the result is the content of the inner box. If it contains more, it is empty.
    """
    depth = 1
    for found in _BRACE.finditer(text, inside):
        depth += {"{": 1, "}": -1}.get(found[0], 0)
        if depth == 0:
            answer = text[inside : found.start()]
            for _ in range(3):
                if again := _BOX_ALONE.fullmatch(answer):
                    answer = again[1]
            return ("" if "boxed" in answer else answer), found.end()
    return "", len(text) + 1


def _word(text: str, inside: int) -> tuple[str, int]:
    """The content of a box without braces, up to the end of the formula or a space."""
    found = _UNBRACED.match(text, inside)
    return (found[0], found.end()) if found else ("", inside)


def _line(text: str, start: int, inside: int, kind: Marker) -> tuple[str, int] | None:
    """The rest of the line, or the next line after a title; ``None`` after a mention or a heading."""
    line = _LINE.match(text, inside)
    assert line is not None  # the pattern matches the empty string
    answer = tidy(line[0]).strip(": ")
    if _PLACEHOLDER.fullmatch(answer):
        return "", line.end()
    if not answer or _TITLE.fullmatch(answer):
        following = _NEXT_LINE.match(text, line.end())
        if following is None or _is_title(following[1]) or "?" in following[1]:
            return "", line.end()
        return following[1], following.end()
    heading = kind is Marker.HASH and _HEADING.match(answer)
    mention = _MENTION.match(answer) and text[:start].rpartition("\n")[2].strip()
    return None if heading or mention else (line[0], line.end())


def _is_title(answer: str) -> bool:
    """Whether the text is three or more words without a number."""
    return re.search(r"[0-9\\]", answer) is None and len(answer.split()) > 2


def _adjacent(text: str, earlier: _Found, later: _Found) -> bool:
    between = text[earlier.end : later.start]
    return len(between) <= _LONGEST_BETWEEN and _BETWEEN.fullmatch(between) is not None
