"""Parsing the texts of command-line options."""

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

import yaml
from pydantic import ValidationError

from evaluators.names import suggestion
from evaluators.tasks import options_of
from evaluators.types import TaskError
from harness.config.budget import Budget
from harness.config.regime import RegimeSpec
from harness.config.settings import TaskSettings
from harness.config.suites import explain, set_key
from harness.errors import HarnessError

MOST_SEEDS = 100_000
FLAGS = {"model.path": "--model", "task.data": "--data", "compute.engine": "--engine"}
"""Settings of a suite that have their own options."""


def names_of(text: str) -> list[str]:
    """The names in a list such as ``"agro, grpo"``.

    Raises:
        HarnessError: a name is empty, or names are separated by something other than a comma.
    """
    names = [name.strip() for name in text.split(",")]
    if not all(names) or any(re.search(r"[\s;]", name) for name in names):
        meant = ",".join(filter(None, re.split(r"[\s;,]+", text))) or "agro,grpo"
        raise HarnessError(f"{text!r} is not a list of names; separate names with single commas, such as {meant}")
    return names


def parse_seeds(text: str | None) -> list[int] | None:
    """Parse seeds: ``"3"`` means the seeds 0, 1 and 2; ``"0,1,7"`` means these; ``"7,"`` means only seed 7."""
    if text is None:
        return None
    try:
        numbers = [int(part) for part in text.split(",") if part.strip()]
    except ValueError:
        numbers = []
    if "," not in text and numbers and 0 < numbers[0] <= MOST_SEEDS:
        return list(range(numbers[0]))
    if "," not in text or not numbers or min(numbers) < 0 or len(set(numbers)) < len(numbers):
        raise HarnessError(
            f"--seeds {text!r}: give a number of seeds, such as 3 (at most {MOST_SEEDS:,}), or distinct seeds, such as "
            "0,1,7"
        )
    return numbers


def parse_counts(text: str, option: str) -> list[int]:
    """Parse distinct positive numbers such as ``"8,64"``."""
    try:
        numbers = [int(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if not numbers or min(numbers) < 1 or len(set(numbers)) < len(numbers):
        raise HarnessError(f"{option} {text!r}: give a number such as 8, or several such as 8,64,512")
    return numbers


def is_until(until: str | None, most: int | None, seeds: str | None = None) -> bool:
    """Whether ``--until decided`` was given. Refuses options that contradict each other."""
    if until not in (None, "decided"):
        raise HarnessError(f"--until {until!r}: the only value is decided")
    if until is None and most is not None:
        raise HarnessError("--max-seeds needs --until decided; give both or neither")
    if until and seeds is not None:
        raise HarnessError("--until decided chooses the seeds; give --max-seeds instead of --seeds")
    return until is not None


def parse_budget(text: str) -> dict[str, Any]:
    """Parse a budget such as ``completions=20000``, as the ``budget`` of a suite."""
    unit, _, total = text.partition("=")
    try:
        return {"unit": unit, "total": float(total)}
    except ValueError as error:
        raise HarnessError(f"--budget {text!r}: give UNIT=TOTAL, such as completions=20000") from error


def command_line(
    name: str,
    options: Mapping[str, str | None],
    changes: Sequence[tuple[str, Any]],
    regimes: Sequence[str] = (),
    tasks: Sequence[str] = (),
) -> str:
    """A command line with all options written out."""
    given = [part for option, value in options.items() if value is not None for part in (option, value)]
    given += [part for task in tasks for part in ("--task", task)]
    given += [part for key, value in changes for part in _typed(key, value)]
    given += [part for regime in regimes for part in ("--regime", regime)]
    return shlex.join(["harness", name, *given])


def _typed(key: str, value: Any) -> tuple[str, str]:
    """A change of a suite as an option. If the setting has its own option, this is used."""
    if key in FLAGS and isinstance(value, str):
        return FLAGS[key], value
    if key == "task" and isinstance(value, dict) and (text := _task_text(value)):
        return "--task", text
    return "--set", f"{key}={json.dumps(value)}"


def _task_text(task: Mapping[str, Any]) -> str:
    """The text that :func:`parse_task` reads as this task; empty if there is none."""
    settings = {key: value for key, value in task.items() if key not in ("name", "options")} | task.get("options", {})
    given = ",".join(f"{key}={_written(value)}" for key, value in settings.items())
    text = f"{task['name']}:{given}" if given else str(task["name"])
    try:
        return text if parse_task(text) == task else ""
    except HarnessError:
        return ""


def _written(value: Any) -> str:
    """The text that :func:`_scalar` reads as this value."""
    text = str(value)
    return text if text.strip() == text and _scalar(text) == value else json.dumps(value)


def chosen_budget(text: str) -> Budget:
    """Parse and validate a budget."""
    try:
        return Budget.model_validate(parse_budget(text))
    except ValidationError as error:
        raise HarnessError(f"--budget {text!r}: {explain(error, Budget)}") from error


def chosen_regime(text: str) -> str:
    """Parse a regime, and return its canonical name."""
    try:
        return str(RegimeSpec.parse(text))
    except ValueError as error:
        raise HarnessError(f"--regime: {error}") from error


def changes_of(
    change: list[str] | None, model: str | None, data: str | None, engine: str | None, task: str | None = None
) -> list[tuple[str, Any]]:
    """The changes of a suite from the command line, as dotted keys and values. The task comes first."""
    flags = zip(FLAGS, (model, data, engine), strict=True)
    given = [(key, value) for key, value in flags if value is not None]
    tasks: list[tuple[str, Any]] = [("task", parse_task(task))] if task is not None else []
    return tasks + [parse_change(text) for text in change or []] + given


def parse_task(text: str) -> dict[str, Any]:
    """Parse a task such as ``jsonl:prompt=question,answer=final``, as the ``task`` of a suite.

    A value extends to the next ``,KEY=``. Keys are the settings of a suite's task. Other keys are options of the task.

    Raises:
        HarnessError: there is no such task or key, or the text has no ``KEY=VALUE``.
    """
    # The settings start after the last colon before the first equals sign. Later colons belong to values.
    parts = re.fullmatch(r"([^=]+?)(?::([^:=,]+=.*))?", text, re.DOTALL)
    if not parts:
        raise HarnessError(f"--task {text!r}: give NAME or NAME:KEY=VALUE,..., such as jsonl:prompt=question")
    name, settings = parts[1].strip(), parts[2]
    sections = [key for key in TaskSettings.model_fields if key not in ("name", "options")]
    try:
        options = options_of(name)
    except TaskError as error:
        raise HarnessError(f"--task: {error}") from error
    task: dict[str, Any] = {"name": name}
    for setting in re.split(r",(?=\s*[\w.]+=)", settings) if settings else ():
        key, value = (part.strip() for part in setting.split("=", 1))
        section = key.partition(".")[0]
        if not value:
            raise HarnessError(f"--task {text!r}: {key} has no value; give {key}=VALUE, or {key}=null for none")
        if section not in sections and options is not None and key not in options:
            known = [*options, *sections]
            near = suggestion(key, known)
            raise HarnessError(
                f"--task: the task {name} has no setting {key!r}{near}; its settings: {', '.join(known)}"
            )
        set_key(task, key.split(".") if section in sections else ["options", key], _scalar(value))
    return task


def _scalar(text: str) -> Any:
    """A YAML number, boolean, list or quoted text. Anything else is plain text, including colons and braces."""
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        return text
    return value if value is None or isinstance(value, str | int | float | list) else text


def parse_change(text: str) -> tuple[str, Any]:
    """Parse a change such as ``optimizer.learning_rate=1e-4``, as a dotted key and a YAML value."""
    key, equals, value = text.partition("=")
    try:
        if key and equals:
            return key, yaml.safe_load(value)
    except yaml.YAMLError:
        pass
    raise HarnessError(f"--set {text!r}: give KEY=VALUE, such as optimizer.learning_rate=1e-4")
