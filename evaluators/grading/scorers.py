"""Checks of answers for a problem's own scorer. Some run answers as Python code, which a model could exploit."""

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
"""Numbers, operators, brackets and names of one letter, with which only mathematics can be called."""


def may_see(scorer: str, answer: str) -> bool:
    """Whether the answer is harmless for any use by the scorer."""
    return scorer not in RUNS_CODE or _HARMLESS.fullmatch(answer) is not None
