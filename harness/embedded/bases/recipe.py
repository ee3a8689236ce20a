"""The recipe of an embedded base model, which has a latent skill and a mixture of habits.

The model learns three kinds of completions: correct worked solutions, bare answers, and worked solutions with one slip.
When it samples, it mixes the three. Reinforcement learning can teach it which habit is rewarded.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evaluators.tasks import load_problems
from evaluators.types import Split

MARKER = "####"
SLIPS = (-10, -2, -1, 1, 2, 10)
"""The differences by which a slip makes the result of a step wrong."""
PAD, EOS = "<pad>", "<eos>"
SHARE_RIGHT, SHARE_BARE = 0.30, 0.35  # the others are worked solutions with a slip


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """One embedded model."""

    words: Sequence[str]
    """The tokens, besides padding, the end and the marker."""
    pattern: str
    """A regular expression that finds tokens in a text."""
    prompts: Callable[[int], Sequence[str]]
    """Returns the prompts of the train split for a seed."""
    worked: Callable[[str, random.Random | None], str]
    """Returns the solution of a prompt, such as ``17+8=25;####25``. With a source of randomness, it has one slip."""
    steps: int
    """Optimiser steps."""
    batch: int
    """Completions per step."""

    @property
    def vocabulary(self) -> list[str]:
        return [PAD, EOS, MARKER, *self.words]

    def habit(self, prompt: str, rng: random.Random) -> str:
        """A completion of ``prompt`` with one of the three habits."""
        draw = rng.random()
        if draw < SHARE_BARE:
            return MARKER + self.worked(prompt, None).rpartition(MARKER)[2]
        return self.worked(prompt, None if draw < SHARE_BARE + SHARE_RIGHT else rng)


def train_prompts(task: str, options: Mapping[str, Any], seed: int) -> list[str]:
    """The prompts of a task's train split for a seed."""
    return [problem.prompt for problem in load_problems(task, Split.TRAIN, seed=seed, **options)]
