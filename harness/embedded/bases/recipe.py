"""What an embedded base model is made from: latent skill under a mixture of habits.

It learns three kinds of completion: right worked solutions, bare answers without working, and worked solutions with one
slip. Sampled, it mixes the three; reinforcement can teach it which habit pays.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

MARKER = "####"
PAD, EOS = "<pad>", "<eos>"
SHARE_RIGHT, SHARE_BARE = 0.30, 0.35  # the rest are worked solutions with a slip


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """One embedded model."""

    words: Sequence[str]
    """What is a token, beside padding, the end and the marker."""
    pattern: str
    """A regular expression that finds them in a text."""
    prompts: Callable[[int], Sequence[str]]
    """Of the train split, by seed."""
    worked: Callable[[str, random.Random | None], str]
    """A prompt's solution as ``17+8=25;####25``; with a source of randomness, with one slip and all that follows."""
    steps: int
    """Optimiser steps."""
    batch: int
    """Completions a step."""

    @property
    def vocabulary(self) -> list[str]:
        return [PAD, EOS, MARKER, *self.words]

    def habit(self, prompt: str, rng: random.Random) -> str:
        """A completion of ``prompt`` by one of the three habits."""
        draw = rng.random()
        if draw < SHARE_BARE:
            return MARKER + self.worked(prompt, None).rpartition(MARKER)[2]
        return self.worked(prompt, None if draw < SHARE_BARE + SHARE_RIGHT else rng)
