"""What the command line's texts mean."""

import json
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

import yaml
from pydantic import ValidationError

from harness.config.budget import Budget
from harness.config.regime import RegimeSpec
from harness.config.suites import explain
from harness.errors import HarnessError


def names_of(text: str) -> list[str]:
    """``"agro, grpo"`` as its names."""
    return [name.strip() for name in text.split(",")]


def parse_seeds(text: str | None) -> list[int] | None:
    """``"3"`` is seeds 0, 1, 2; ``"0,1,7"`` are those; ``"7,"`` is seed 7 alone."""
    if text is None:
        return None
    try:
        numbers = [int(part) for part in text.split(",") if part.strip()]
    except ValueError:
        numbers = []
    if "," not in text and numbers and numbers[0] > 0:
        return list(range(numbers[0]))
    if "," not in text or not numbers or min(numbers) < 0 or len(set(numbers)) < len(numbers):
        raise HarnessError(f"--seeds {text!r}: give a number of seeds, such as 3, or distinct seeds, such as 0,1,7")
    return numbers


def parse_budget(text: str) -> dict[str, Any]:
    """``completions=20000`` as the suite's ``budget``."""
    unit, _, total = text.partition("=")
    try:
        return {"unit": unit, "total": float(total)}
    except ValueError as error:
        raise HarnessError(f"--budget {text!r}: give UNIT=TOTAL, such as completions=20000") from error


def command_line(
    name: str, options: Mapping[str, str | None], changes: Sequence[tuple[str, Any]], regimes: Sequence[str] = ()
) -> str:
    """A command as it would be typed, all of it spelt out."""
    given = [part for option, value in options.items() if value is not None for part in (option, value)]
    given += [part for key, value in changes for part in ("--set", f"{key}={json.dumps(value)}")]
    given += [part for regime in regimes for part in ("--regime", regime)]
    return shlex.join(["harness", name, *given])


def chosen_budget(text: str) -> Budget:
    """The same, checked."""
    try:
        return Budget.model_validate(parse_budget(text))
    except ValidationError as error:
        raise HarnessError(f"--budget {text!r}: {explain(error, Budget)}") from error


def chosen_regime(text: str) -> str:
    """A regime as the runs name it."""
    try:
        return str(RegimeSpec.parse(text))
    except ValueError as error:
        raise HarnessError(f"--regime: {error}") from error


def changes_of(
    change: list[str] | None, model: str | None, data: str | None, engine: str | None
) -> list[tuple[str, Any]]:
    """What the command line changes of a suite, as dotted keys and values."""
    flags = {"model.path": model, "task.data": data, "compute.engine": engine}
    given = [(key, value) for key, value in flags.items() if value is not None]
    return [parse_change(text) for text in change or []] + given


def parse_change(text: str) -> tuple[str, Any]:
    """``optimizer.learning_rate=1e-4`` as a dotted key and a YAML value."""
    key, equals, value = text.partition("=")
    try:
        if key and equals:
            return key, yaml.safe_load(value)
    except yaml.YAMLError:
        pass
    raise HarnessError(f"--set {text!r}: give KEY=VALUE, such as optimizer.learning_rate=1e-4")
