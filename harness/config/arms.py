"""Making runs from the arms of a suite: building and checking the objective, its constraint and its robustness."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic.errors import PydanticUserError

from algorithms import UnknownName, load_objective
from algorithms.constrained import Constrained
from algorithms.robust import Robust
from algorithms.scores import COMPUTED
from algorithms.types import Objective, hyperparameters
from evaluators.names import suggestion
from harness.config.arm_settings import ConstraintSettings, RobustSettings
from harness.config.complaints import hints_of, refuse_truth_values, sentence
from harness.config.layers import arm_of, optimizer_of, plugin_objectives
from harness.config.run_config import ObjectiveConfig, RunConfig, RunSettings, SuiteConfig
from harness.config.suites import explain, nearest
from harness.errors import HarnessError, place_of


def run_config(suite: SuiteConfig, name: str, seed: int) -> RunConfig:
    """One run of the arm ``name``, which is an objective, an arm of the suite, or a control.

    Raises:
        HarnessError: the objective or a field is unknown or wrong, or groups are too small for the objective.
    """
    arm = arm_of(suite, name)
    spec = arm.objective or name
    inner = build_objective(spec, arm.fields, where=name)
    constrained = _inside(arm.constraint, inner, name)
    _check(_weighed(arm.robust, constrained, name), constrained, name, suite)
    values = asdict(inner)
    config = ObjectiveConfig(
        name=name,
        objective=spec,
        fields={key: values[key] for key in hyperparameters(inner)},
        constraint=_spelt_out(constrained),
        robust=arm.robust,
        control=arm.control,
    )
    shared = {key: getattr(suite, key) for key in RunSettings.model_fields}
    shared["optimizer"] = optimizer_of(suite, name)
    try:
        return RunConfig(**shared, suite=suite.name, objective=config, seed=seed)
    except ValidationError as error:  # arm and suite contradict each other
        raise HarnessError(f"suite {suite.name}, {name}: {explain(error, RunConfig)}") from error


def refuse_unknown_requirements(objective: Objective, name: str) -> None:
    """Refuse an objective with unknown requirements.

    Raises:
        HarnessError: the objective called ``name`` requires something that the harness does not compute.
    """
    requires = objective.requires
    if not isinstance(requires, frozenset):
        raise HarnessError(f"{name}: requires must be a frozenset of names, not {requires!r}")
    if unknown := requires - COMPUTED:
        raise HarnessError(f"{name} requires {', '.join(sorted(unknown))}, which the harness does not compute")


def _check(objective: Objective, constrained: Objective, name: str, suite: SuiteConfig) -> None:
    """Refuse an objective or a constraint that does not fit the runs of this suite."""
    refuse_unknown_requirements(objective, name)
    if "group" in objective.requires and suite.rollout.group_size < 2:
        raise HarnessError(
            f"rollout.group_size is 1, but {name} compares the completions of one prompt; set it to 2 or more"
        )
    if "mismatched_log_ratio" in objective.requires and suite.rollout.prompts < 2:
        raise HarnessError(
            f"rollout.prompts is 1, but {name} pairs prompts with completions of other prompts; set it to 2 or more"
        )
    rollout, budget = suite.rollout, suite.budget
    least = rollout.prompts * (rollout.group_size + rollout.reference_samples)
    if "ref_rewards" in objective.requires and budget.unit == "completions" and budget.total < least:
        raise HarnessError(
            f"a budget of {budget.total:g} completions is less than the {least} of one step of {name}, which includes "
            f"{rollout.reference_samples} reference completions (rollout.reference_samples) for each of "
            f"{rollout.prompts} prompts; give a larger budget"
        )
    if isinstance(constrained, Constrained) and constrained.quantity == "kl" and suite.regime != "on_policy":
        raise HarnessError(
            f"objectives.{name}.constraint: the KL is measured on completions of the current policy, which the regime "
            f"{suite.regime} does not have; limit the length, or train on_policy"
        )
    if isinstance(constrained, Constrained) and "ref_rewards" in objective.requires:
        raise HarnessError(
            f"objectives.{name}.constraint: {name} compares with rewards of reference completions, which have no "
            "penalty; remove the constraint"
        )


def space_of(suite: SuiteConfig, name: str) -> dict[str, tuple[float, float]]:
    """The search ranges of an arm: those of the suite for its own fields, then those of the arm itself.

    Raises:
        HarnessError: the arm's own space has a field that its objective does not have.
    """
    arm = arm_of(suite, name)
    fields = {f"fields.{key}": key for key in hyperparameters(find_objective(arm.objective or name))}
    for key in arm.space:
        if key.startswith("fields.") and key not in fields:
            raise HarnessError(f"objectives.{name}.space.{key} is not a field of {name}{nearest(key, list(fields))}")
    shared = {k: ends for k, ends in suite.tuning.space.items() if k in fields or k.startswith("optimizer.")}
    return shared | arm.space


def _inside(constraint: ConstraintSettings | None, inner: Objective, name: str) -> Objective:
    """The objective, wrapped in its constraint if it has one."""
    if constraint is None:
        return inner
    try:
        return Constrained(inner=inner, **constraint.model_dump(exclude_none=True))
    except ValueError as error:
        raise HarnessError(f"objectives.{name}.constraint: {error}") from error


def _weighed(robust: RobustSettings | None, inner: Objective, name: str) -> Objective:
    """The objective with its constraint, wrapped in robust weights if it has them."""
    if robust is None:
        return inner
    try:
        return Robust(inner=inner, **robust.model_dump())
    except ValueError as error:
        raise HarnessError(f"objectives.{name}.robust: {error}") from error


def _spelt_out(objective: Objective) -> ConstraintSettings | None:
    """The constraint of an objective, including defaults."""
    if not isinstance(objective, Constrained):
        return None
    return ConstraintSettings(**{key: getattr(objective, key) for key in ConstraintSettings.model_fields})


def objective_of(config: ObjectiveConfig) -> Objective:
    """The objective of an arm, with its constraint and its robust weights if it has them."""
    inner = build_objective(config.objective, config.fields, where=config.name)
    return _weighed(config.robust, _inside(config.constraint, inner, config.name), config.name)


def find_objective(spec: str) -> type[Objective]:
    """The class that ``spec`` names, see :func:`algorithms.load_objective`.

    Raises:
        HarnessError: there is no such class. The message suggests a name.
    """
    try:
        return load_objective(plugin_objectives().get(spec, spec))
    except UnknownName as error:
        raise HarnessError(f"{error}{suggestion(error.name, error.known)}") from error
    except ValueError as error:
        where = f" at {place_of(error.__cause__)}" if error.__cause__ else ""
        raise HarnessError(f"{str(error).rstrip('.')}{where}") from error


def build_objective(spec: str, values: Mapping[str, Any], *, where: str) -> Objective:
    """The objective with ``values`` as fields, checked against their declared types. ``where``: the name of the arm."""
    cls = find_objective(spec)
    known = list(hyperparameters(cls))
    for key in values:
        if key not in known:
            raise HarnessError(f"{spec} has no field {key!r}{nearest(key, known)}")
    hints = hints_of(cls)
    for key, value in values.items():
        try:
            refuse_truth_values(value, hints.get(key))
        except ValueError as error:
            raise HarnessError(f"objectives.{where}.fields.{key}: {error}") from error
    try:
        return TypeAdapter(cls).validate_python(dict(values))
    except PydanticUserError as error:  # a field of a user's objective has no JSON form
        raise HarnessError(f"{spec}: {str(error).splitlines()[0]}") from error
    except ValidationError as error:
        first = error.errors()[0]
        path = ".".join(map(str, ("fields", *first["loc"])))
        raise HarnessError(f"objectives.{where}.{path}: {sentence(first)}") from error
