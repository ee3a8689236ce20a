"""``harness list objectives`` shows each objective under its family."""

from itertools import pairwise
from typing import get_args

from algorithms import OBJECTIVES
from algorithms.types import Family, hyperparameters
from harness.config.arm_settings import CONTROLS
from harness.studies.catalogue.entries import ENTRIES
from harness.studies.catalogue.tables import table


def names_by_heading() -> dict[str, list[str]]:
    """The first column of the table, split at its headings."""
    first = [str(cell) for cell in table("objectives", ENTRIES["objectives"]()).columns[0].cells if cell]
    heads = [index for index, cell in enumerate(first) if cell.isupper()]
    return {first[start].lower(): first[start + 1 : end] for start, end in pairwise([*heads, len(first)])}


def test_objectives_stand_under_their_family() -> None:
    found = names_by_heading()
    assert list(found) == [*get_args(Family), "controls"]
    for family in get_args(Family):
        expected = [name for name, cls in OBJECTIVES.items() if cls.family == family]
        assert found[family] == (["constraint", "robust"] if family == "constrained" else expected)
    assert found["controls"] == list(CONTROLS)


def test_every_field_of_every_objective_has_a_meaning() -> None:
    names, keys, meanings = (
        [str(cell) for cell in column.cells] for column in table("objectives", ENTRIES["objectives"]()).columns
    )
    assert "" not in [meaning for name, meaning in zip(names, meanings, strict=True) if name in OBJECTIVES]
    fields = [meaning for key, meaning in zip(keys, meanings, strict=True) if " = " in key]
    assert "" not in fields
    assert len(fields) >= sum(len(hyperparameters(cls)) for cls in OBJECTIVES.values())
