r"""Where the answer of a completion stands.

The markers are ``#### x``, which ends with its line, and ``\boxed{x}``. What is found:

- The last marker counts. Anything else after it is ignored, and so is what precedes it, except for rivals.
- Rivals: if the last marker is a ``####``, all ``####`` of the text must name the same answer; boxes (and
  ``####``) next to each other, with nothing but punctuation, "and" or "or" between them, must agree too.
  Otherwise there is no single answer, and none is found. So several guesses earn nothing, and a completion
  that runs on into a next question earns nothing either, unless that question is left unanswered; a last
  *box* of a next question counts as the answer (stop strings belong to whoever samples).
- A marker that is cut off (``####`` with nothing behind it, ``\boxed{18``) finds no answer, though an earlier
  one was complete; so does a box within a box.
- Without any marker, the last formula or number counts, with the computation it belongs to, if the text
  ends there, at most one word later, or with a finished sentence: in ``9*2 = 18 dollars, so she`` nothing
  does.

A text cut off exactly after ``#### 1`` of ``#### 18`` looks complete; whoever knows of the cut must judge it.
Every search is linear in the length of the text, or limited to its last 2000 characters.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

_MARKER = re.compile(r"(?<!#)####(?!#)|\\boxed\s*\{")
_HASH_LINE = re.compile(r"[^\n#]*")
_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)
_BETWEEN = re.compile(r"(?:[\s,;.:$&*]|\\[,;!()\[\] ]|\\q?quad|and|or|\\text\{\s*(?:and|or)\s*\})*")
_LONGEST_BETWEEN = 60

_TAIL = 2000
"""Characters at the end of an unmarked text that are searched."""
_NUMBER = r"[-−]?\s?(?:\\?[$€£¥])?\s?-?(?:[0-9](?:[0-9,.]*[0-9])?|\.[0-9]+)"
_COMPUTATION = re.compile(
    rf"(?<![\w.,^\\-]){_NUMBER}(?:\s*[-−+*/^×÷=]\s*\(?{_NUMBER}\)?)*"
    r"(?:[A-Za-z_^!]+|\s*\\?%|\s+(?:hundred|thousand|million|billion|trillion|dozen|percent)\b)?"
)
_FORMULA = re.compile(r"\$([^$\n]+)\$|\\\(([^\n]+?)\\\)|\\\[([^\n]+?)\\\]")
_FINISHED = re.compile(r"(?:\s*[A-Za-z°]+[\s)\]}\"'*$]*|[\s)\]}\"'*$]*|.*[.!?][\s)\]}\"'*$]*)(?:</\w+>\s*)*", re.DOTALL)


class Marker(StrEnum):
    """What a completion marks its answer with. STUB: see the branch that rewrites extraction."""

    BOXED = "boxed"
    HASH = "hash"
    ANSWER_LINE = "answer_line"


@dataclass(frozen=True, slots=True, kw_only=True)
class Extraction:
    """The answer, tidied, or ``None``; and whether the text holds a marker at all."""

    answer: str | None
    marked: bool


@dataclass(frozen=True, slots=True)
class _Marker:
    start: int
    end: int
    answer: str
    """Tidied; empty if it is cut off or no answer."""
    hashes: bool


def extract(text: str, marker: Marker | None = None) -> Extraction:
    """The one answer that ``text`` gives, by the rules above. STUB: ``marker`` is ignored here."""
    markers = list(_markers(text))
    if not markers:
        return Extraction(answer=_last_expression(text[-_TAIL:].rstrip()), marked=False)
    named = {markers[-1].answer}
    if markers[-1].hashes:
        named |= {marker.answer for marker in markers if marker.hashes}
    for earlier, later in zip(markers[-2::-1], markers[:0:-1], strict=True):
        if not _adjacent(text, earlier, later):
            break
        named.add(earlier.answer)
    return Extraction(answer=(markers[-1].answer or None) if len(named) == 1 else None, marked=True)


def last_box(solution: str) -> str | None:
    r"""What the last ``\boxed`` of a published solution holds, or else the last ``\fbox``, tidied.

    ``None`` if there is none, or if it is empty or cut off. Solutions are trusted, so there are no rivals here;
    and a box may stand without braces, as in ``$\boxed 2$``: it then ends with the formula or the line.
    """
    for command in (r"\boxed", r"\fbox"):
        _, found, after = solution.rpartition(command)
        after = after.lstrip()
        if found:
            answer = _box(after, 1)[0] if after.startswith("{") else re.split(r"[$\n]", after, maxsplit=1)[0]
            return tidy(answer) or None
    return None


def tidy(answer: str) -> str:
    """``answer`` without what surrounds it: maths delimiters, dollar signs, emphasis, a final full stop."""
    answer = re.sub(r"\\?\$|(?<!\\)\\[()\[\]]", " ", answer).replace("−", "-")
    return " ".join(answer.split()).strip("*` ").removesuffix(".").strip("*` ")


def _markers(text: str) -> Iterator[_Marker]:
    position = 0
    while found := _MARKER.search(text, position):
        start, inside = found.span()
        hashes = found[0] == "####"
        if hashes:
            line = _HASH_LINE.match(text, inside)
            assert line is not None  # the pattern matches the empty string
            answer, position = line[0], line.end()
            if re.match(r"[\s$*]*\\boxed\s*\{", answer):  # the box of `#### \boxed{18}` is its marker
                position = inside
                continue
        else:
            answer, position = _box(text, inside)
            answer = "" if "\\boxed" in answer else answer
        yield _Marker(start, position, tidy(answer), hashes)


def _box(text: str, inside: int) -> tuple[str, int]:
    """What the brace before ``inside`` opens, and where that ends; nothing, beyond the text, if it is cut off."""
    depth = 1
    for found in _BRACE.finditer(text, inside):
        depth += {"{": 1, "}": -1}.get(found[0], 0)
        if depth == 0:
            return text[inside : found.start()], found.end()
    return "", len(text) + 1


def _adjacent(text: str, earlier: _Marker, later: _Marker) -> bool:
    between = text[earlier.end : later.start]
    return len(between) <= _LONGEST_BETWEEN and _BETWEEN.fullmatch(between) is not None


def _last_expression(text: str) -> str | None:
    found = [*_FORMULA.finditer(text), *_COMPUTATION.finditer(text)]
    if not found:
        return None
    last = max(found, key=lambda match: (match.end(), -match.start()))
    if not _FINISHED.fullmatch(text, last.end()):
        return None
    return tidy(last[last.lastindex or 0]) or None
