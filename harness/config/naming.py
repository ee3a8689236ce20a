"""What runs are named after whose model or problems are not their suite's: ``mine.jsonl@SmolLM2-135M``."""

import re
from hashlib import sha256
from pathlib import PurePath

from evaluators.tasks.files import has_known_suffix
from harness.config.run_config import SuiteConfig
from harness.config.settings import TaskSettings

PASSED_BY = re.compile(r"|\.|snapshots|[0-9a-f]{40}")
"""Folders on the way to a model that say nothing of it, as in the hub's cache."""
GENERIC = re.compile(r"final|last|best|model|checkpoint-\d+")
"""Names of models that say nothing without the folder they are in."""
QUANTISED = re.compile(r"[.-](I?Q\d\w*|B?F16|F32)$", re.IGNORECASE)


def with_own_name(suite: SuiteConfig, before: SuiteConfig) -> SuiteConfig:
    """The suite as it was changed, named after task and model if these are others than ``before``; else as it is.

    The same task or model from elsewhere, a folder in place of the hub or a quantised file, is not another one.
    """
    known_task = suite.task.name == before.task.name and own_data(suite.task) == own_data(before.task)
    known_model = _bare(suite.model.path) == _bare(before.model.path)
    if (known_task and known_model) or suite.name != before.name:
        return suite
    task, model = task_name(suite.task), model_name(suite.model.path)
    description = f"{task} by {model}, with the settings of the suite {before.name}."
    return suite.model_copy(update={"name": f"{task}@{model}", "description": description})


def task_name(task: TaskSettings) -> str:
    """The file or folder of one's own data, with a few digits of its path unless its name says it all; or the task."""
    own = own_data(task)
    if not own:
        return _safe(task.name)
    path = PurePath(own)
    name = _safe(own if task.data is None else path.name)
    whole = name == (own.replace("/", "-") if task.data is None else str(path))
    return name if whole else f"{name}-{sha256(str(path).encode()).hexdigest()[:4]}"


def model_name(path: str) -> str:
    """The last name of a path or hub id that says something."""
    parts = [part for part in re.split(r"[/\\]", path.removeprefix("embedded:")) if not PASSED_BY.fullmatch(part)]
    *folders, last = parts or ["model"]
    if last.startswith("models--"):  # as the hub's cache has it
        last = last.rpartition("--")[2]
    name = last.removesuffix(".gguf")
    return _safe(f"{folders[-1]}-{name}" if folders and GENERIC.fullmatch(name) else name)


def own_data(task: TaskSettings) -> str:
    """A single file in place of a published set, or what the task ``jsonl`` reads; empty: neither."""
    if task.name == "jsonl":
        return str(task.options.get("hub") or "") if task.data is None else task.data
    return task.data if task.data and "*" not in task.data and has_known_suffix(task.data) else ""


def _bare(path: str) -> str:
    """A model's name whatever it is quantised to."""
    return QUANTISED.sub("", model_name(path)).lower()


def _safe(name: str) -> str:
    """As the name of a directory and of an MLflow experiment."""
    return re.sub(r"[^\w.-]+", "-", name).strip("-.") or "data"
