"""The interface by which evaluators request texts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class GenerationArgs:
    """Sampling settings. A ``temperature`` of 0 is greedy."""

    max_tokens: int
    stop: tuple[str, ...]
    temperature: float
    top_p: float = 1.0
    top_k: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Generated:
    """One continuation of a prompt."""

    text: str
    """Without special tokens, cut before the first stop string."""
    tokens: int
    """The number of sampled tokens."""
    truncated: bool
    """Whether the text was cut off at the limit of tokens."""


Generate = Callable[[Sequence[str], GenerationArgs], list[Generated]]
"""Continues each prompt without a chat template, and returns one text per prompt, in order."""
