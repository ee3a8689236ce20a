"""What an evaluation of a model is made of."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from evaluators.formats import FORMATS
from evaluators.tasks import task_of
from harness.config.run_config import digest
from harness.config.settings import (
    ComputeSettings,
    ModelSettings,
    Positive,
    PositiveInt,
    Settings,
    TaskSettings,
    TopK,
    TopP,
)
from harness.config.suites import explain, nearest, set_key
from harness.errors import HarnessError

GENERATED = ("arithmetic", "reasoning_gym")
"""Tasks that generate their problems, and take no data."""


class EvalSettings(Settings):
    """All but the model: models are compared where these are equal."""

    task: TaskSettings
    split: Literal["auto", "all", "test", "validation"] = "auto"
    """``auto``: all of data that assigns no splits, such as a single file, and otherwise the test split."""
    problems: PositiveInt | None = None
    """The first so many; without it, all of the split."""
    k: PositiveInt = 4
    """Samples a problem."""
    temperature: Positive = 1.0
    """Of the samples; greedy accuracy is taken besides."""
    top_p: TopP = 1.0
    top_k: TopK = 0
    max_tokens: PositiveInt = 512
    """By default what the task takes, see :data:`evaluators.tasks.TASKS`."""
    stop: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    """What ends a completion, besides what the answer format names."""
    seed: Annotated[int, Field(ge=0)] = 0

    @property
    def key(self) -> str:
        """Readable, and unique to these settings: ``gsm8k-1a2b3c4d5e``."""
        return f"{slug(self.task.name)}-{digest(self.identity())}"


class LmEvalSettings(Settings):
    """A task of lm-evaluation-harness, which brings its own prompts, limits and metrics."""

    task: str
    """One of its own, of those shipped for local data, or the path of a YAML file."""
    data: str | None = None
    problems: PositiveInt | None = None
    seed: Annotated[int, Field(ge=0)] = 1234
    """Of the solved examples; lm-eval's own default."""

    @property
    def key(self) -> str:
        return f"lm-eval-{slug(Path(self.task).stem)}-{digest(self.identity())}"


class EvalSuite(Settings):
    """A model, how it is computed, and what it is measured by."""

    model: ModelSettings
    compute: ComputeSettings = ComputeSettings()
    tasks: tuple[EvalSettings, ...] = ()
    lm_eval: tuple[LmEvalSettings, ...] = ()


def eval_suite(
    model: str,
    tasks: Sequence[Mapping[str, Any]],
    lm_eval: Sequence[str],
    data: str | None,
    changes: Sequence[tuple[str, Any]],
    formats: Sequence[str] = (),
) -> EvalSuite:
    """An evaluation, checked.

    Args:
        tasks: each as a suite's ``task``.
        formats: answer formats, in each of which every task is asked; without any, as its settings say.
        changes: dotted keys of ``model``, ``compute`` or, for every task, of its settings, such as ``max_tokens``.

    Raises:
        HarnessError: no task, one that is named twice, an unknown key, or a value of a wrong type.
    """
    if not tasks and not lm_eval:
        raise HarnessError("nothing to evaluate on; name --tasks, such as gsm8k, or --lm-eval, such as gsm8k_local")
    for flag, named in (
        ("--tasks", [dict(task) for task in tasks]),
        ("--lm-eval", [{"name": name} for name in lm_eval]),
        ("--formats", [{"name": name} for name in formats]),
    ):
        for place, one in enumerate(named):
            if one in named[:place]:
                raise HarnessError(f"{flag} names one twice: {one['name']}")
    if unknown := [name for name in formats if name not in FORMATS]:
        raise HarnessError(f"--formats: no answer format {unknown[0]!r}{nearest(unknown[0], list(FORMATS))}")
    raw: dict[str, Any] = {"model": {"path": model}, "compute": {}}
    raw["tasks"] = [
        {"task": ({} if _needs_none(task) else {"data": data}) | dict(task)} | _limit(task["name"]) for task in tasks
    ]
    raw["lm_eval"] = [{"task": name, "data": data} for name in lm_eval]
    for key, value in changes:
        first, *_ = parts = key.split(".")
        if first in ("model", "compute"):
            set_key(raw, parts, value)
            continue
        for settings in raw["tasks"] + [one for one in raw["lm_eval"] if key in LmEvalSettings.model_fields]:
            set_key(settings, parts, value)
    if formats:
        raw["tasks"] = [one | {"task": one["task"] | {"format": name}} for one in raw["tasks"] for name in formats]
    try:
        return EvalSuite.model_validate(raw)
    except ValidationError as error:
        said = re.sub(r"\b(tasks|lm_eval)\.(\d+\.)?", "", explain(error, EvalSuite))  # the keys as they are typed
        raise HarnessError(f"eval: {said}") from error


def _limit(name: str) -> dict[str, Any]:
    task = task_of(name.partition(":")[0])  # an unknown one is refused where its problems are loaded
    return {"max_tokens": task.tokens} if task else {}


def _needs_none(task: Mapping[str, Any]) -> bool:
    """Whether it takes no data, or names its own."""
    return task["name"].partition(":")[0] in GENERATED or "hub" in task.get("options", {})


def slug(name: str) -> str:
    """As a file's name."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.") or "model"
