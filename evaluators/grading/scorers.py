"""What a problem's own scorer may be shown: some run the answer as Python code, and a model learns what that allows."""

import re

RUNS_CODE = frozenset(
    f"reasoning_gym:{generator}"
    for generator in (
        "binary_matrix",
        "countdown",
        "intermediate_integration",
        "n_queens",
        "polynomial_multiplication",
        "puzzle24",
        "simple_integration",
        "spiral_matrix",
        "string_insertion",
    )
)
"""Scorers of reasoning-gym 0.1.25 that pass the answer to ``eval``, mostly through sympy's ``parse_expr``."""

_HARMLESS = re.compile(r"(?:[-+*/^()\[\],. 0-9]|(?<![A-Za-z])[A-Za-z](?![A-Za-z]))*")
"""Numbers, operators, brackets and names of one letter, by which nothing but mathematics can be called."""


def may_see(scorer: str, answer: str) -> bool:
    """Whether the answer does no harm, whatever the scorer does with it."""
    return scorer not in RUNS_CODE or _HARMLESS.fullmatch(answer) is not None
