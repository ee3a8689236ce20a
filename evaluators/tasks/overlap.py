"""The overlap of held-out and training problems: same questions, or 13 common words (Brown et al. 2020)."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256

from evaluators.types import Problem

GRAM = 13
"""The length of a common sequence that is not by chance (Brown et al. 2020, arXiv 2005.14165, appendix C)."""
COMMON = 10
"""The number of training problems above which a common sequence is considered a template (likewise)."""
EXAMPLES = 5
_TOKEN = re.compile(r"\w+|[^\w\s]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """Counts of held-out problems."""

    train: int
    held_out: int
    same: int
    """Held-out problems whose question is a training question, except for case and spaces."""
    near: int
    """Held-out problems that share 13 consecutive words or symbols with one to ten training questions. Shorter
    questions must be identical."""
    examples: tuple[tuple[str, str], ...]
    """Ids of some of these problems: (held out, train)."""


def overlap(train: Sequence[Problem], held_out: Sequence[Problem]) -> Overlap:
    """The overlap of the questions, without the template of their prompts. The time is linear in their length."""
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
    """The words and symbols of a text, in order."""
    return _TOKEN.findall(text)


def _normal(problem: Problem) -> str:
    return " ".join(problem.asked.casefold().split())


def _grams(problem: Problem) -> Iterator[bytes]:
    """Hashes of the sequences of a problem. Texts would need ten times the memory."""
    tokens = words_and_signs(problem.asked.casefold())
    for start in range(max(1, len(tokens) - GRAM + 1)):
        yield sha256("\0".join(tokens[start : start + GRAM]).encode(errors="surrogatepass")).digest()[:12]
