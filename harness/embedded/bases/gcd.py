"""Greatest common divisors with Euclid's algorithm: ``... 54, 60 ...`` becomes ``54%60=54;60%54=6;54%6=0;####6``."""

import random
import re
from functools import partial
from typing import Any

from harness.embedded.bases.recipe import MARKER, Recipe, train_prompts

TASK = "reasoning_gym:gcd"
OPTIONS: dict[str, Any] = {"count": 6000, "max_value": 100, "prompt": "{question}"}
SENTENCES = "Find the Greatest Common Divisor (GCD) of these numbers: , . Give only the GCD as your final answer."
PATTERN = rf"{MARKER}| ?[A-Za-z(][^ ,.]*|."
"""A token is a word with the space before it, or a character."""


def worked(prompt: str, slips: random.Random | None) -> str:
    """The worked solution. A slip makes one remainder wrong, and the algorithm continues with it."""
    a, b = (int(number) for number in re.findall(r"\d+", prompt))
    slip_at = slips.randrange(worked(prompt, None).count(";")) if slips else -1
    text, step = "", 0
    while b:
        rest = a % b
        if slips and step == slip_at:
            rest = slips.choice([wrong for wrong in range(max(rest - 2, 0), rest + 3) if wrong not in (rest, b)])
        text += f"{a}%{b}={rest};"
        a, b, step = b, rest, step + 1
    return f"{text}{MARKER}{a}"


GCD = Recipe(
    words=[*"0123456789%=;", *dict.fromkeys(re.findall(PATTERN, SENTENCES))],
    pattern=PATTERN,
    prompts=partial(train_prompts, TASK, OPTIONS),
    worked=worked,
    steps=2000,
    batch=128,
)
