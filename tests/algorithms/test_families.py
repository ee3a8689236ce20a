"""The family of each objective. Every built-in objective has one."""

from typing import get_args

import pytest

from algorithms import OBJECTIVES
from algorithms.constrained import Constrained
from algorithms.types import Family, hyperparameters


@pytest.mark.parametrize("name", OBJECTIVES)
def test_every_objective_has_a_family_that_is_no_hyperparameter(name: str) -> None:
    assert OBJECTIVES[name].family in get_args(Family)
    assert OBJECTIVES[name].family != "constrained"  # because this family wraps other objectives
    assert "family" not in hyperparameters(OBJECTIVES[name])


def test_a_constraint_is_a_family_of_its_own() -> None:
    assert Constrained.family == "constrained"
    assert {cls.family for cls in OBJECTIVES.values()} | {Constrained.family} == set(get_args(Family))
