"""Names for suites whose model or task was changed, such as ``mine.jsonl@SmolLM2-135M``."""

import re
from hashlib import sha256
from pathlib import PurePath

from evaluators.tasks.files import has_known_suffix
from harness.config.run_config import SuiteConfig
from harness.config.settings import TaskSettings

PASSED_BY = re.compile(r"|\.|snapshots|[0-9a-f]{40}")
"""Folders in the path of a model that do not describe it, such as those of the hub's cache."""
GENERIC = re.compile(r"final|last|best|model|checkpoint-\d+")
"""Names of models that are only meaningful together with their folder."""
QUANTISED = re.compile(r"[.-](I?Q\d\w*|B?F16|F32)$", re.IGNORECASE)


def with_own_name(suite: SuiteConfig, before: SuiteConfig) -> SuiteConfig:
    """The changed suite, renamed after task and model if these differ from ``before``.

    The same task or model from another place does not count as different, for example a folder instead of the hub, or a
    quantised file.
    """
    known_task = suite.task.name == before.task.name and own_data(suite.task) == own_data(before.task)
    known_model = _bare(suite.model.path) == _bare(before.model.path)
    if (known_task and known_model) or suite.name != before.name:
        return suite
    task, model = task_name(suite.task), model_name(suite.model.path)
    description = f"{task} with {model}, and otherwise the settings of the suite {before.name}."
    return suite.model_copy(update={"name": f"{task}@{model}", "description": description})


def task_name(task: TaskSettings) -> str:
    """The name of the user's data file or folder, or of the task. Digits of the path are added if it is ambiguous."""
    own = own_data(task)
    if not own:
        return _safe(task.name)
    path = PurePath(own)
    name = _safe(own if task.data is None else path.name)
    whole = name == (own.replace("/", "-") if task.data is None else str(path))
    return name if whole else f"{name}-{sha256(str(path).encode()).hexdigest()[:4]}"


def model_name(path: str) -> str:
    """The last meaningful name in a path or hub id."""
    parts = [part for part in re.split(r"[/\\]", path.removeprefix("embedded:")) if not PASSED_BY.fullmatch(part)]
    *folders, last = parts or ["model"]
    if last.startswith("models--"):  # a folder of the hub's cache
        last = last.rpartition("--")[2]
    name = last.removesuffix(".gguf")
    return _safe(f"{folders[-1]}-{name}" if folders and GENERIC.fullmatch(name) else name)


def own_data(task: TaskSettings) -> str:
    """The user's own data: a single file for a published task, or the data of the task ``jsonl``. Otherwise empty."""
    if task.name == "jsonl":
        return str(task.options.get("hub") or "") if task.data is None else task.data
    return task.data if task.data and "*" not in task.data and has_known_suffix(task.data) else ""


def _bare(path: str) -> str:
    """The name of a model without its quantisation."""
    return QUANTISED.sub("", model_name(path)).lower()


def _safe(name: str) -> str:
    """A name that is safe for directories and MLflow experiments."""
    return re.sub(r"[^\w.-]+", "-", name).strip("-.") or "data"
