r"""The structure of an answer: sides of an equation, parts of a list, tuple or matrix."""

import re
from collections.abc import Callable, Sequence
from typing import TypeVar

from evaluators.grading.formulas import parsed
from evaluators.grading.notation import enclosed, worded

Item = TypeVar("Item")
_AND = re.compile(
    r"\s*(?:\\text\s?\{\s*(?:,?\s*(?:and|or))\s*\}|(?<![A-Za-z\\])(?:and|or)(?![A-Za-z])|\\lor(?![a-z])|\\vee(?![a-z]))\s*"
)
_OR = re.compile(r"\\text\s?\{\s*,?\s*or\s*\}|(?<![A-Za-z])or(?![A-Za-z])")
_SYMBOL = r"(?:[A-Za-z]|\\(?:alpha|beta|gamma|theta|lambda|mu|phi|omega|sigma|rho|tau|ell|delta|Delta))"
_INDEX = r"(?:_(?:\{[^{}=<>]*\}|[A-Za-z0-9]))?'*"
_NAME = re.compile(
    rf"(?:{_SYMBOL}{_INDEX}(?:\^\{{?-1\}}?)?(?:\s?\([^()=<>]*\))?|[A-Z]{{2,3}}|\\Pr(?:\([^()]*\))?|P\s?\([^()]*\)|(?:\\mathbb|\\text)\s?\{{[PE]\}}\s?[\[(][^()=<>]*[\])]"
    rf"|m?\s?(?:\\angle|\\triangle)\s?[A-Z]{{1,3}}|\\overline\s?\{{[A-Z]{{2}}\}}|\|[A-Z]{{2}}\|"
    rf"|\\(?:sin|cos|tan|cot|sec|csc)\s?\(?(?:{_SYMBOL}|\\angle\s?[A-Z]{{1,3}})\)?)"
)
_WORDS = re.compile(r"[A-Za-z][A-Za-z']*(?:[ -][A-Za-z']+)*(?: \([A-Za-z ]+\))?")
DOUBT = re.compile(
    r"\b(?:not|no|never|nor|isn't|aren't|wasn't|about|approximately|approx|around|roughly|nearly|almost|least|most|more"
    r"|less|fewer|greater|smaller|under|above|below|between|or|either|if|wrong|incorrect|except|unless|maybe|perhaps|possibly|probably"
    r"|twice|cannot|can't)\b|\b(?:half|square|root|cube|double|triple) of\b",
    re.IGNORECASE,
)
_MATRIX = re.compile(
    r"[(\[]?\s?\\begin\s?\{([pb]?matrix|array)\}(?:\{[lcr|]+\})?(.*)\\end\s?\{\1\}\s?[)\]]?", re.DOTALL
)


def split_outside(text: str, marks: str) -> list[str]:
    """Split at single characters outside all brackets."""
    parts, depth, start = [], 0, 0
    place = 0
    while place < len(text):
        character = text[place]
        if character == "\\" and text[place + 1 : place + 2] in ("{", "}"):
            depth += 1 if text[place + 1] == "{" else -1
            place += 2
            continue
        depth += (character in "([{") - (character in ")]}")
        if depth == 0 and character in marks:
            parts.append(text[start:place].strip())
            start = place + 1
        place += 1
    return [*parts, text[start:].strip()]


def sides(text: str) -> list[str]:
    """The sides of an equation or a chain of equations; one if there is no equals sign."""
    return split_outside(text.replace("==", "="), "=")


def is_name(text: str) -> bool:
    r"""Whether this names a value: ``x_1``, ``f(3)``, ``\angle ABC``, ``Total cost``."""
    if _NAME.fullmatch(text):
        return True
    words = worded(text)
    if any(len(word) < 2 and word not in "aAI" for word in re.findall("[A-Za-z]+", words.replace("'s", ""))):
        return False
    label = re.search("[A-Za-z]{4}|[A-Z][a-z]{2}", words) is not None
    return label and _WORDS.fullmatch(words) is not None and DOUBT.search(words) is None


def value_side(text: str, agree: Callable[[str, str], bool]) -> str | None:
    """The side of a chain of equations that states the value; ``None`` if another side contradicts it.

    Each other side must be a name or have the same value by ``agree(other, side)``.
    """
    parts = sides(text)
    if len(parts) > 8 or not all(parts):
        return None
    if len(parts) == 2 and is_name(parts[1]) and not is_name(parts[0]):
        parts.reverse()
    *others, last = parts
    if all(is_name(other) or agree(other, last) for other in others):
        return last
    return parts[0] if len(parts) == 2 and agree(last, parts[0]) else None


def without_name(text: str) -> tuple[str, str]:
    r"""The name in ``x =``, ``(x,y) =`` or ``x \in`` without spaces, and the rest of the text."""
    found = re.match(
        rf"({_SYMBOL}{_INDEX}(?:\([A-Za-z]\))?|\\(?:vec|text)\s?\{{[A-Za-z]\}}|\(\s?{_SYMBOL}(?:\s?,\s?{_SYMBOL})+\s?\))\s?(?:=|\\in(?![a-z]))\s?",
        text,
    )
    return ("".join(found[1].split()), text[found.end() :]) if found else ("", text)


def items(text: str) -> list[str]:
    r"""The parts of a list: between commas, semicolons, *and*, *or*; ``\pm`` makes two of one."""
    text = _AND.sub(" ; ", text)
    parts = [part for part in split_outside(text, ",;") if part]
    return [item for part in parts for item in both_signs(part)]


def alternatives(text: str) -> list[str]:
    """The texts before and after one *or*; the whole text if it has none or several."""
    parts = [part.strip(" ,") for part in _OR.split(text)]
    return parts if len(parts) == 2 and all(parts) else [text]


def both_signs(text: str) -> list[str]:
    if not re.search(r"\\pm(?![a-z])|\\mp(?![a-z])", text):
        return [text]
    return [
        re.sub(r"\\pm(?![a-z])\s?", upper, re.sub(r"\\mp(?![a-z])\s?", lower, text)).removeprefix("+")
        for upper, lower in (("+", "-"), ("-", "+"))
    ]


def tuple_parts(text: str) -> list[str] | None:
    """The parts of a tuple of two or more."""
    text = re.sub(r"\\langle(?![a-z])\s?(.*)\\rangle", r"(\1)", text)
    inside = enclosed(text, "(")
    parts = split_outside(inside, ",;") if inside is not None else []
    return parts if len(parts) > 1 and all(parts) else None


def matrix_rows(text: str) -> list[list[str]] | None:
    found = _MATRIX.fullmatch(text)
    if found is None:
        return None
    rows = [row for row in re.split(r"\\\\(?:\[[^\]]*\])?", found[2]) if row.strip()]
    return [[cell.strip() for cell in row.split("&")] for row in rows]


def matched(gold: Sequence[Item], answer: Sequence[Item], agree: Callable[[Item, Item], bool]) -> bool:
    """Whether the two have the same members, in any order."""
    left = list(answer)
    if len(gold) != len(left):
        return False
    for wanted in gold:
        found = next((n for n, one in enumerate(left) if agree(wanted, one)), None)
        if found is None:
            return False
        del left[found]
    return True


def scaled_rows(text: str) -> list[list[str]] | None:
    """The entries of a matrix, each multiplied by the number before it."""
    factor, begin, matrix = text.partition(r"\begin")
    factor = factor.strip().removesuffix("*").strip()
    if factor in ("", "(", "["):
        return matrix_rows(text)
    factor = "-1" if factor == "-" else factor
    rows = matrix_rows(begin + matrix)
    if rows is None or parsed(factor) is None:
        return None
    return [[f"({factor})*({cell})" for cell in row] for row in rows]
