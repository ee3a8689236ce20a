"""The settings of an evaluation."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from evaluators.formats import FORMATS
from evaluators.tasks import generates, task_of
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


class EvalSettings(Settings):
    """All settings except the model. Models with equal settings can be compared."""

    task: TaskSettings
    split: Literal["auto", "all", "test", "validation"] = "auto"
    """``auto``: the test split, or all problems if the data have no splits, such as a single file."""
    problems: PositiveInt | None = None
    """Use only the first problems of the split. None: use all of them."""
    k: PositiveInt = 4
    """Samples per problem."""
    temperature: Positive = 1.0
    """The temperature of the samples. Greedy accuracy is measured in addition."""
    top_p: TopP = 1.0
    top_k: TopK = 0
    max_tokens: PositiveInt = 512
    """The length limit of a completion. The default is that of the task, see :data:`evaluators.tasks.TASKS`."""
    stop: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    """Texts that end a completion, besides those of the answer format."""
    seed: Annotated[int, Field(ge=0)] = 0

    @property
    def key(self) -> str:
        """A readable and unique name of these settings, such as ``gsm8k-1a2b3c4d5e``."""
        return f"{slug(self.task.name)}-{digest(self.identity())}"


class LmEvalSettings(Settings):
    """A task of lm-evaluation-harness, which has its own prompts, limits and metrics."""

    task: str
    """A task of lm-eval, one of ours for local data, or the path of a YAML file."""
    data: str | None = None
    problems: PositiveInt | None = None
    seed: Annotated[int, Field(ge=0)] = 1234
    """The seed of the solved examples. The default is lm-eval's own."""

    @property
    def key(self) -> str:
        return f"lm-eval-{slug(Path(self.task).stem)}-{digest(self.identity())}"


class EvalSuite(Settings):
    """A model, how it is computed, and its tasks."""

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
    """The validated settings of an evaluation.

    Args:
        tasks: each has the form of a suite's ``task``.
        formats: answer formats. Every task is asked in each of them. If empty, the settings of the task decide.
        changes: dotted keys of ``model`` or ``compute``, or keys of all tasks' settings, such as ``max_tokens``.

    Raises:
        HarnessError: there is no task, a task is named twice, a key is unknown, or a value has the wrong type.
    """
    if not tasks and not lm_eval:
        raise HarnessError("there is no task; give --tasks, such as gsm8k, or --lm-eval, such as gsm8k_local")
    for flag, named in (
        ("--tasks", [dict(task) for task in tasks]),
        ("--lm-eval", [{"name": name} for name in lm_eval]),
        ("--formats", [{"name": name} for name in formats]),
    ):
        for place, one in enumerate(named):
            if one in named[:place]:
                raise HarnessError(f"{flag} names {one['name']} twice; name it once")
    if unknown := [name for name in formats if name not in FORMATS]:
        raise HarnessError(f"--formats: there is no answer format {unknown[0]!r}{nearest(unknown[0], list(FORMATS))}")
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
    task = task_of(name)  # an unknown task is refused when its problems are loaded
    return {"max_tokens": task.tokens} if task else {}


def _needs_none(task: Mapping[str, Any]) -> bool:
    """Whether a task needs no ``--data``: it generates its problems, or names a dataset of the hub."""
    return generates(task["name"]) or "hub" in task.get("options", {})


def slug(name: str) -> str:
    """A name that is safe as a file name."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.") or "model"
