"""What an evaluation of a model is made of."""

import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from harness.config import digest
from harness.errors import HarnessError
from harness.settings import ComputeSettings, ModelSettings, PositiveInt, Settings, TaskSettings
from harness.suites import explain, set_key

GENERATED = ("arithmetic", "reasoning_gym")
"""Tasks that generate their problems, and take no data."""


class EvalSettings(Settings):
    """All but the model: models are compared where these are equal."""

    task: TaskSettings
    split: Literal["test", "validation"] = "test"
    problems: PositiveInt | None = None
    """The first so many; without it, all of the split."""
    k: PositiveInt = 4
    """Samples a problem."""
    temperature: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0
    """Of the samples; greedy accuracy is taken besides."""
    max_tokens: PositiveInt = 512
    stop: tuple[Annotated[str, Field(min_length=1)], ...] = ("\nProblem:",)
    """A base model would go on with another problem."""
    seed: Annotated[int, Field(ge=0)] = 0

    @property
    def key(self) -> str:
        """Readable, and unique to these settings: ``gsm8k-1a2b3c4d5e``."""
        return f"{slug(self.task.name)}-{digest(self.model_dump(mode='json'))}"


class EvalConfig(Settings):
    """A model, how it is computed, and one task's settings."""

    model: ModelSettings
    compute: ComputeSettings = ComputeSettings()
    settings: EvalSettings


def eval_configs(
    model: str, tasks: Sequence[str], data: str | None, changes: Sequence[tuple[str, Any]]
) -> list[EvalConfig]:
    """One for each task.

    ``changes``: dotted keys of :class:`EvalSettings` (``max_tokens``, ``task.options.prompt``), or of ``model.*`` and
    ``compute.*``, and values.

    Raises:
        HarnessError: a task is named twice, an unknown key, or a value of a wrong type.
    """
    if len(set(tasks)) < len(tasks):
        raise HarnessError(f"--tasks names a task twice: {','.join(tasks)}")
    return [_config(model, task, data, changes) for task in tasks]


def _config(model: str, task: str, data: str | None, changes: Sequence[tuple[str, Any]]) -> EvalConfig:
    reads = task.partition(":")[0] not in GENERATED
    raw: dict[str, Any] = {
        "model": {"path": model},
        "settings": {"task": {"name": task, "data": data if reads else None}},
    }
    for key, value in changes:
        parts = key.split(".")
        set_key(raw, parts if parts[0] in ("model", "compute") else ["settings", *parts], value)
    try:
        return EvalConfig.model_validate(raw)
    except ValidationError as error:
        raise HarnessError(f"eval of {task}: {explain(error, EvalConfig).replace('settings.', '')}") from error


def slug(name: str) -> str:
    """As a file's name."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.") or "model"
