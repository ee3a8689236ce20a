"""Products of two numbers, in parts: ``... 15 * 43 ...`` becomes ``15*40=600;15*3=45;600+45=645;####645``."""

import random
import re
from functools import partial
from typing import Any

from harness.embedded.bases.recipe import MARKER, SLIPS, Recipe, train_prompts

TASK = "reasoning_gym:products"
OPTIONS: dict[str, Any] = {"count": 6000, "min_digits": 1, "max_digits": 2, "prompt": "{question}"}
SENTENCES = "Solve the following multiplication: * . Give only the result as your final answer."
PATTERN = rf"{MARKER}| ?[A-Za-z(][^ :.]*|."
"""A token is a word with the space before it, or a character."""


def worked(prompt: str, slips: random.Random | None) -> str:
    """The worked solution. A slip makes one part or their sum wrong, and everything that follows from it.

    A part of 0 stays right if the slip would make it negative.
    """
    a, b = (int(number) for number in re.findall(r"\d+", prompt))
    parts = [part for part in (b // 10 * 10, b % 10) if part] or [0]
    slip_at = slips.randrange(len(parts) + (len(parts) > 1)) if slips else -1
    slip = slips.choice(SLIPS) if slips else 0
    found = [max(a * part + (slip if i == slip_at else 0), 0) for i, part in enumerate(parts)]
    text = "".join(f"{a}*{part}={product};" for part, product in zip(parts, found, strict=True))
    total = sum(found)
    if len(parts) > 1:
        total = max(total + (slip if slip_at == len(parts) else 0), 0)
        text += f"{found[0]}+{found[1]}={total};"
    return f"{text}{MARKER}{total}"


PRODUCTS = Recipe(
    words=list(dict.fromkeys([*"0123456789*+=;", *re.findall(PATTERN, SENTENCES)])),
    pattern=PATTERN,
    prompts=partial(train_prompts, TASK, OPTIONS),
    worked=worked,
    steps=2000,
    batch=128,
)
