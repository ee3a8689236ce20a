"""The objectives of the tabular study, and their settings."""

from collections.abc import Mapping, Sequence
from typing import Any

from algorithms import OBJECTIVES
from algorithms.types import HasState, Objective, hyperparameters
from harness.config.arms import find_objective, refuse_unknown_requirements
from harness.errors import HarnessError
from harness.studies.tabular.problems import BETA

VARIANTS: Mapping[str, Sequence[Mapping[str, Any]]] = {
    "agro": ({}, {"form": "on_policy"}),
    "reinforce": ({}, {"kl": "k3"}),
}
"""Objectives that are shown with several settings."""

STRENGTHS = ("beta", "beta_kl")
"""Fields that set the pull to the reference. All get the same value, unless their published default is 0."""

UNFIT = {"whiten": False}
"""Settings that do not work with single groups: whitening needs a batch of many prompts."""


def make_cases(
    algos: Sequence[str] | None, beta: float = BETA, fixed: Mapping[str, Any] = UNFIT
) -> dict[str, Objective]:
    """The objectives by label. ``algos``: their names; None for all built-in ones.

    ``beta``: the strength of the pull to the reference. ``fixed``: values for fields, in objectives that have them.

    Raises:
        HarnessError: a name is unknown, or an objective cannot be made.
    """
    cases: dict[str, Objective] = {}
    for name in algos if algos is not None else OBJECTIVES:
        for variant in VARIANTS.get(name, ({},)):
            label = " ".join([name, *(f"{key}={value}" for key, value in variant.items())])
            try:
                cases[label] = _make(find_objective(name), beta, {**fixed, **variant})
            except (ValueError, TypeError) as error:
                raise HarnessError(str(error)) from error
            refuse_unknown_requirements(cases[label], name)
    if not cases:
        raise HarnessError(f"no objectives are named; the built-in ones are {', '.join(OBJECTIVES)}")
    return cases


def settings(objective: Objective) -> str:
    """The fields that were set here, as text for a table, such as "beta = 0.5"."""
    ours = (*STRENGTHS, *UNFIT)
    return ", ".join(f"{name} = {getattr(objective, name)}" for name in ours if name in hyperparameters(objective))


def _make(kind: type[Objective], beta: float, others: Mapping[str, Any]) -> Objective:
    declared = hyperparameters(kind)
    chosen: dict[str, Any] = {name: beta for name in STRENGTHS if name in declared and declared[name].default != 0}
    made = kind(**chosen, **{name: value for name, value in others.items() if name in declared})
    if isinstance(made, HasState):
        raise ValueError(f"{kind.__name__} carries state from step to step, which the tabular study does not support")
    return made
