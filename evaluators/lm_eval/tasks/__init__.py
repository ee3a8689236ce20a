"""Tasks of lm-evaluation-harness: its own, those in this folder, which read local data, and a user's YAML files."""

import re
from importlib.resources import files
from pathlib import Path
from typing import Any

from evaluators.tasks import load_problems
from evaluators.types import Split, TaskError

HUB_SECONDS = 5.0
UNSUPPORTED = {
    "unsafe_code": "runs what a model writes",
    "doc_to_image": "shows images",
    "doc_to_audio": "plays sounds",
}
"""Fields of a task's config, and the reason for refusing a task that has them."""


def local_names() -> list[str]:
    """The tasks in this folder."""
    return sorted(path.stem for path in _here().glob("*.yaml"))


def load_task(name: str, data: Path | None) -> Any:
    """An lm-eval task with its documents.

    Args:
        name: one of :func:`local_names`, a task of lm-eval (no group), or the path of a YAML file.
        data: the folder of the files in the task's ``dataset_kwargs.data_files``, if it has any.

    Raises:
        TaskError: the task does not exist, does not complete text, or its data is not available.
    """
    import datasets
    import huggingface_hub
    from lm_eval.tasks import TaskManager
    from lm_eval.tasks._yaml_loader import load_yaml  # the one that knows lm-eval's `include` and `!function`

    datasets.disable_progress_bars()  # they would disturb the caller's progress bars
    path = _path_of(name)
    try:
        _check_kind(name, load_yaml(path, resolve_func=False))
        config = load_yaml(path)
        if "data_files" in (config.get("dataset_kwargs") or {}):
            config["dataset_kwargs"] |= {"data_files": _find_files(name, config, data)}
        elif config.get("dataset_path") and not huggingface_hub.constants.HF_HUB_OFFLINE:
            # Fails at once where the hub is out of reach; load_dataset would first retry for 23 seconds.
            huggingface_hub.HfApi().dataset_info(config["dataset_path"], timeout=HUB_SECONDS)
        (task,) = TaskManager(include_defaults=False).load([config])["tasks"].values()
    except TaskError:
        raise
    except Exception as error:  # of several libraries: no YAML, no network, nothing cached, a file of other fields
        reason = f"{type(error).__name__}: {' '.join(str(error).split())}"[:160]
        raise TaskError(f"the lm-eval task {name} cannot be loaded ({reason}); {_remedy(name, path)}") from error
    return task


def refuse_unknown_task(name: str) -> None:
    """Raises TaskError where :func:`load_task` would find no such task."""
    _path_of(name)


def _here() -> Path:
    return Path(str(files(__name__)))


def _path_of(name: str) -> Path:
    if name in local_names():
        return _here() / f"{name}.yaml"
    if name.endswith((".yaml", ".yml")):
        return Path(name)
    # Its index takes 5 to 13 seconds to build.
    pattern = re.compile(rb"^task: *[\"']?" + re.escape(name).encode() + rb"[\"']? *$", re.MULTILINE)
    for path in sorted(_stock().rglob("*.yaml")):
        if pattern.search(path.read_bytes()):
            return path
    raise TaskError(
        f"there is no lm-eval task {name!r}; name {' or '.join(local_names())}, a single task of lm-eval "
        "(the tasks of a group one by one), or a YAML file"
    )


def _stock() -> Path:
    return Path(str(files("lm_eval.tasks")))


def _check_kind(name: str, config: dict[str, Any]) -> None:
    kind = config.get("output_type", "generate_until")
    reasons = [reason for field, reason in UNSUPPORTED.items() if config.get(field)]
    if kind != "generate_until":
        reasons.append(f"asks for log-likelihoods ({kind})")
    if reasons:
        raise TaskError(
            f"the lm-eval task {name} {' and '.join(reasons)}; name tasks that complete text, such as gsm8k_local"
        )


def _find_files(name: str, config: dict[str, Any], data: Path | None) -> dict[str, str]:
    """The path of the file of each split."""
    named = config["dataset_kwargs"]["data_files"]
    if not isinstance(named, dict) or not all(isinstance(file, str) for file in named.values()):
        raise TaskError(f"the lm-eval task {name} must map each split to one file in dataset_kwargs.data_files")
    relative = [file for file in named.values() if not Path(file).is_absolute()]
    if relative and (data is None or not data.is_dir()):
        what = "reads local files" if data is None else f"reads a folder, but {data} is not a folder"
        wanted = " and ".join(relative)
        raise TaskError(f"the lm-eval task {name} {what}; pass --data with a folder that has {wanted}")
    if ours := (config.get("metadata") or {}).get("checked_as"):
        for split in named:
            load_problems(ours, Split(split), data=data)  # its sentences name file, line and field
    paths = {split: (data or Path()) / file for split, file in named.items()}
    for path in paths.values():
        if not path.is_file():
            raise TaskError(f"there is no file {path}, which the lm-eval task {name} reads; put it there")
    return {split: str(path) for split, path in paths.items()}


def _remedy(name: str, path: Path) -> str:
    if not path.is_relative_to(_stock()):
        return "fix the file or its data"
    near = [local for local in local_names() if local.removesuffix("_local") in name] or local_names()
    return f"name {' or '.join(near)} with --data instead, or try HF_HUB_OFFLINE=1 if its data is in the hub's cache"
