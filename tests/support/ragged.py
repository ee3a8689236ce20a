"""Prompts and completions of different lengths, and the embedded model that passes over them."""

from harness.config.settings import ModelSettings, PolicySettings
from harness.models.loading import load_policy
from harness.models.policy import Policy

Pairs = list[tuple[tuple[int, ...], tuple[int, ...]]]
LONG, SHORT = (3, 13, 3, 13, 3, 14), (5, 14)
GROUPS: Pairs = [
    (LONG, (6, 13, 3, 14, 9, 15, 2, 1)),
    (LONG, (1,)),
    (LONG, (7, 7, 1)),
    (SHORT, (8, 1)),
    (SHORT, (9, 9, 9, 1)),
]
MIXED: Pairs = [GROUPS[3], GROUPS[0], GROUPS[4], GROUPS[1]]
"""The completions of a prompt need not be neighbours."""
BEGINNING = tuple(3 + i % 11 for i in range(300))
EXAMPLES: Pairs = [((*BEGINNING, *prompt), completion) for prompt, completion in GROUPS]
"""All prompts begin with the same solved examples."""


def load(dtype: str = "float32", training: PolicySettings | None = None) -> Policy:
    settings = ModelSettings.model_validate({"path": "embedded:tiny-arithmetic", "device": "cpu", "dtype": dtype})
    return load_policy(settings, 1.0, training)
