"""Named suites (YAML beside this file), and how the command line changes them before they become runs."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml
from pydantic import TypeAdapter, ValidationError

from algorithms import load_objective
from algorithms.types import Objective
from harness.config import (
    ObjectiveConfig,
    OptimizerSettings,
    RunConfig,
    RunSettings,
    SuiteConfig,
)
from harness.errors import HarnessError

COMPUTED = frozenset({"ref_logp", "old_logp", "group"})
"""What an objective may require so far."""


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


def run_config(suite: SuiteConfig, objective: str, seed: int) -> RunConfig:
    """One run of the suite.

    Raises:
        HarnessError: unknown objective, unknown or wrong field, or a group too small for the objective.
    """
    arm = suite.objectives.get(objective)
    built = build_objective(objective, arm.fields if arm else {})
    if unknown := built.requires - COMPUTED:
        raise HarnessError(f"{objective} requires {', '.join(sorted(unknown))}, which the harness does not compute")
    if "group" in built.requires and suite.rollout.group_size < 2:
        raise HarnessError(
            f"rollout.group_size is 1, but {objective} compares the completions of one prompt; set it to 2 or more"
        )
    shared = {name: getattr(suite, name) for name in RunSettings.model_fields}
    try:
        optimizer = OptimizerSettings.model_validate(suite.optimizer.model_dump() | (arm.optimizer if arm else {}))
    except ValidationError as error:
        where = f"suite {suite.name}: objectives.{objective}.optimizer."
        raise HarnessError(where + explain(error, OptimizerSettings)) from error
    return RunConfig(
        **shared | {"optimizer": optimizer},
        suite=suite.name,
        objective=ObjectiveConfig(name=objective, fields=asdict(built)),  # type: ignore[call-overload]
        seed=seed,
    )


def build_objective(name: str, values: Mapping[str, Any]) -> Objective:
    """The objective with ``values`` as its fields, checked against their declared types."""
    try:
        cls = load_objective(name)
    except ValueError as error:
        raise HarnessError(str(error)) from error
    known = [f.name for f in fields(cls)]  # type: ignore[arg-type]
    for key in values:
        if key not in known:
            raise HarnessError(f"{name} has no field {key!r}{nearest(key, known)}")
    try:
        return TypeAdapter(cls).validate_python(dict(values))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise HarnessError(f"objectives.{name}.fields.{where}: {_sentence(first)}") from error


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
