"""How evaluators ask for texts, whatever makes them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class GenerationArgs:
    """How texts are drawn at ``temperature``; 0 is greedy."""

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
    """How many were drawn."""
    truncated: bool
    """Cut at the limit of tokens."""


Generate = Callable[[Sequence[str], GenerationArgs], list[Generated]]
"""Continues each prompt as it stands, without a chat template: one text a prompt, in order."""
