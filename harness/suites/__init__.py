"""Named suites (YAML beside this file), and how the command line changes them before they become runs."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import TypeAdapter, ValidationError

from algorithms import load_objective
from algorithms.constrained import Constrained
from algorithms.types import Objective
from harness.config import (
    ArmSettings,
    Control,
    ObjectiveConfig,
    OptimizerSettings,
    RunConfig,
    RunSettings,
    SuiteConfig,
)
from harness.errors import HarnessError
from harness.scoring import COMPUTED

CONTROLS: tuple[Control, ...] = get_args(Control)


def suite_names() -> list[str]:
    return sorted(Path(str(f)).stem for f in files(__name__).iterdir() if str(f).endswith(".yaml"))


def load_suite(name: str, changes: Sequence[tuple[str, Any]] = ()) -> SuiteConfig:
    """The suite ``name`` (or a YAML file's path) with ``changes`` of dotted keys applied in order.

    A change of ``optimizer.*`` reaches every objective, also those that the suite has tuned; one of
    ``objectives.NAME.*`` reaches that objective alone.

    Raises:
        HarnessError: no such suite, not valid YAML, an unknown key or a value of a wrong type.
    """
    raw = _read(name)
    for key, value in sorted(changes, key=lambda change: change[0].startswith("objectives.")):
        _set(raw, key.split("."), value)
        if key.startswith("optimizer."):
            for arm in raw.get("objectives", {}).values():
                arm.get("optimizer", {}).pop(key.removeprefix("optimizer."), None)
    try:
        return SuiteConfig.model_validate(raw)
    except ValidationError as error:
        raise HarnessError(f"suite {name}: {explain(error, SuiteConfig)}") from error


def run_config(suite: SuiteConfig, name: str, seed: int) -> RunConfig:
    """One run of the suite's arm ``name``: an objective, an arm that the suite defines, or a control.

    Raises:
        HarnessError: unknown objective, unknown or wrong field, or a group too small for the objective.
    """
    arm = _arm(suite, name)
    spec = arm.objective or name
    built = build_objective(spec, arm.fields, where=name)
    config = ObjectiveConfig(
        name=name,
        objective=spec,
        fields=asdict(built),  # type: ignore[call-overload]
        constraint=arm.constraint,
        control=arm.control,
    )
    requires = objective_of(config).requires
    if unknown := requires - COMPUTED:
        raise HarnessError(f"{name} requires {', '.join(sorted(unknown))}, which the harness does not compute")
    if "group" in requires and suite.rollout.group_size < 2:
        raise HarnessError(
            f"rollout.group_size is 1, but {name} compares the completions of one prompt; set it to 2 or more"
        )
    shared = {key: getattr(suite, key) for key in RunSettings.model_fields}
    try:
        optimizer = OptimizerSettings.model_validate(suite.optimizer.model_dump() | arm.optimizer)
    except ValidationError as error:
        where = f"suite {suite.name}: objectives.{name}.optimizer."
        raise HarnessError(where + explain(error, OptimizerSettings)) from error
    try:
        return RunConfig(**shared | {"optimizer": optimizer}, suite=suite.name, objective=config, seed=seed)
    except ValidationError as error:  # what arm and suite are only together
        raise HarnessError(f"suite {suite.name}, {name}: {explain(error, RunConfig)}") from error


def _arm(suite: SuiteConfig, name: str) -> ArmSettings:
    if name in CONTROLS and name not in suite.objectives:
        trained = suite.objectives.get(suite.baseline, ArmSettings())
        return trained.model_copy(update={"objective": trained.objective or suite.baseline, "control": name})
    return suite.objectives.get(name, ArmSettings())


def objective_of(config: ObjectiveConfig) -> Objective:
    """The objective of an arm, inside its constraint if it has one."""
    objective = build_objective(config.objective, config.fields, where=config.name)
    if config.constraint is None:
        return objective

    try:
        return Constrained(inner=objective, **config.constraint.model_dump(exclude_none=True))
    except ValueError as error:
        raise HarnessError(f"objectives.{config.name}.constraint: {error}") from error


def build_objective(spec: str, values: Mapping[str, Any], *, where: str) -> Objective:
    """The objective with ``values`` as its fields, checked against their declared types; ``where`` is the arm."""
    try:
        cls = load_objective(spec)
    except ValueError as error:
        raise HarnessError(str(error)) from error
    known = [f.name for f in fields(cls)]  # type: ignore[arg-type]
    for key in values:
        if key not in known:
            raise HarnessError(f"{spec} has no field {key!r}{nearest(key, known)}")
    try:
        return TypeAdapter(cls).validate_python(dict(values))
    except ValidationError as error:
        first = error.errors()[0]
        path = ".".join(map(str, first["loc"]))
        raise HarnessError(f"objectives.{where}.fields.{path}: {_sentence(first)}") from error


def explain(error: ValidationError, model: type) -> str:
    """The first thing wrong, with its path, and the nearest name for an unknown key."""
    first = error.errors()[0]
    where = ".".join(map(str, first["loc"]))
    if first["type"] == "extra_forbidden":
        return f"unknown key {where}{nearest(where, key_paths(model))}"
    return f"{where}: {_sentence(first)}" if where else _sentence(first)


def _sentence(problem: Any) -> str:
    message = str(problem["msg"]).removeprefix("Value error, ")
    return message if problem["type"] == "value_error" else f"{message}, not {problem['input']!r}"


def key_paths(model: Any, prefix: str = "") -> list[str]:
    """All dotted keys of a settings class."""
    paths = []
    for name, info in model.model_fields.items():
        paths.append(prefix + name)
        if hasattr(info.annotation, "model_fields"):
            paths += key_paths(info.annotation, f"{prefix}{name}.")
    return paths


def nearest(name: str, known: Sequence[str]) -> str:
    """``; did you mean X?``, or all known names if none is near."""
    close = get_close_matches(name, known, n=1)
    return f"; did you mean {close[0]}?" if close else f"; known: {', '.join(known)}"


def _read(name: str) -> dict[str, Any]:
    path = Path(name)
    if path.suffix not in (".yaml", ".yml"):
        if name not in suite_names():
            raise HarnessError(f"no suite {name!r}{nearest(name, suite_names())}")
        path = Path(str(files(__name__) / f"{name}.yaml"))
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise HarnessError(f"cannot read the suite {path}: {error}") from error
    except yaml.YAMLError as error:
        raise HarnessError(f"the suite {path} is not valid YAML: {' '.join(str(error).split())}") from error
    if not isinstance(raw, dict):
        raise HarnessError(f"the suite {path} must be a YAML mapping")
    return raw


def _set(raw: dict[str, Any], key: list[str], value: Any) -> None:
    *parents, last = key
    for depth, parent in enumerate(parents, 1):
        raw = raw.setdefault(parent, {})
        if not isinstance(raw, dict):
            raise HarnessError(f"--set {'.'.join(key)}: {'.'.join(parents[:depth])} is a value, not a section")
    raw[last] = value
