"""Sums, solved term by term: ``17+8+25=`` becomes ``17+8=25;25+25=50;####50``."""

import random
from functools import partial

from harness.embedded.bases.recipe import MARKER, SLIPS, Recipe, train_prompts


def worked(prompt: str, slips: random.Random | None) -> str:
    """The worked solution. A slip makes one partial sum wrong, and everything that follows from it."""
    terms = [int(term) for term in prompt.rstrip("=").split("+")]
    slip_at, slip = (slips.randrange(1, len(terms)), slips.choice(SLIPS)) if slips else (0, 0)
    total, text = terms[0], ""
    for i, term in enumerate(terms[1:], 1):
        new = max(total + term + (slip if i == slip_at else 0), 1)
        text += f"{total}+{term}={new};"
        total = new
    return f"{text}{MARKER}{total}"


ARITHMETIC = Recipe(
    words="0123456789+=;",
    pattern=f"{MARKER}|.",
    prompts=partial(train_prompts, "arithmetic", {"count": 20000}),
    worked=worked,
    steps=1200,
    batch=256,
)
