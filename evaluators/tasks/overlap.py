"""Whether held-out problems stand in the training problems: alike, or by 13 words or signs (Brown et al. 2020)."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256

from evaluators.types import Problem

GRAM = 13
"""Tokens in a row that two problems do not share by chance (Brown et al. 2020, arXiv 2005.14165, appendix C)."""
COMMON = 10
"""Training problems above which what they share is a template, and no leak (likewise)."""
EXAMPLES = 5
_TOKEN = re.compile(r"\w+|[^\w\s]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """Counts of held-out problems."""

    train: int
    held_out: int
    same: int
    """Their question is a training question, but for case and spaces."""
    near: int
    """They share 13 words or signs in a row with one to ten training questions; shorter ones are all the same."""
    examples: tuple[tuple[str, str], ...]
    """Ids of some of these: (held out, train)."""


def overlap(train: Sequence[Problem], held_out: Sequence[Problem]) -> Overlap:
    """By the questions alone, without their prompts' template; linear in their length."""
    questions = {_normal(problem): problem.id for problem in train}
    sightings: Counter[bytes] = Counter()
    grams: dict[bytes, str] = {}
    for problem in train:
        own = dict.fromkeys(_grams(problem), problem.id)
        sightings.update(own.keys())
        grams |= own
    same = {problem.id: questions[text] for problem in held_out if (text := _normal(problem)) in questions}
    near = {
        problem.id: grams[shared[0]]
        for problem in held_out
        if (shared := [gram for gram in _grams(problem) if 0 < sightings[gram] <= COMMON])
    }
    examples = tuple((near | same).items())[:EXAMPLES]
    return Overlap(train=len(train), held_out=len(held_out), same=len(same), near=len(near), examples=examples)


def words_and_signs(text: str) -> list[str]:
    """In order."""
    return _TOKEN.findall(text)


def _normal(problem: Problem) -> str:
    return " ".join(problem.asked.casefold().split())


def _grams(problem: Problem) -> Iterator[bytes]:
    """Hashes: a gram as text would take ten times the memory."""
    tokens = words_and_signs(problem.asked.casefold())
    for start in range(max(1, len(tokens) - GRAM + 1)):
        yield sha256("\0".join(tokens[start : start + GRAM]).encode(errors="surrogatepass")).digest()[:12]
