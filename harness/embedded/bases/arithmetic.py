"""Sums, solved term by term: ``17+8+25=`` becomes ``17+8=25;25+25=50;####50``."""

import random

from evaluators.tasks import arithmetic
from evaluators.types import Split
from harness.embedded.bases.recipe import MARKER, Recipe


def prompts(seed: int) -> list[str]:
    return [problem.prompt for problem in arithmetic.build(Split.TRAIN, count=20000, seed=seed)]


def worked(prompt: str, slips: random.Random | None) -> str:
    """The worked solution. A slip makes one partial sum wrong, and everything that follows from it."""
    terms = [int(term) for term in prompt.rstrip("=").split("+")]
    slip_at, slip = (slips.randrange(1, len(terms)), slips.choice([-10, -2, -1, 1, 2, 10])) if slips else (0, 0)
    total, text = terms[0], ""
    for i, term in enumerate(terms[1:], 1):
        new = max(total + term + (slip if i == slip_at else 0), 1)
        text += f"{total}+{term}={new};"
        total = new
    return f"{text}{MARKER}{total}"


ARITHMETIC = Recipe(words="0123456789+=;", pattern=f"{MARKER}|.", prompts=prompts, worked=worked, steps=1200, batch=256)
