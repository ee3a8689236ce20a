"""The reference page of the objectives: one section for each family, made from their docstrings."""

from collections import defaultdict

from algorithms import OBJECTIVES

HEAD = """# Objectives

This page is generated from the docstrings of `algorithms/`. `harness list objectives` prints the names.
A suite, or `--set objectives.NAME.fields.FIELD=VALUE`, sets the fields of an objective.
`requires` lists the quantities that the harness computes for an objective in each step. Their cost is charged to its
budget.
"""


def objectives_page() -> str:
    """All built-in objectives, in the order of the registry."""
    families: dict[str, list[str]] = defaultdict(list)
    for name, objective in OBJECTIVES.items():
        requires = ", ".join(f"`{one}`" for one in sorted(objective().requires)) or "nothing"
        place = f"{objective.__module__}.{objective.__qualname__}"
        families[objective.family].append(
            f'::: {place}\n    options:\n      heading: "{name}"\n      toc_label: "{name}"\n\n'
            f"`{name}` requires {requires}.\n"
        )
    sections = (f"## {family[0].upper()}{family[1:]}\n\n" + "\n".join(of) for family, of in families.items())
    return "\n".join([HEAD, *sections])
