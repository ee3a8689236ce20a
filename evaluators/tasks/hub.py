"""Rows from the Hugging Face hub, or one sentence that says why they are not available."""

from collections.abc import Mapping
from typing import Any

from evaluators.tasks.records import Record
from evaluators.types import TaskError

HUB_SECONDS = 5.0


def hub_rows(task: str, hub_id: str, config: str | None, split: str | None, *, remedy: str) -> dict[str, list[Record]]:
    """The records of each split by the hub's name for it, or only those of ``split``.

    Args:
        task: the name of the task, for messages.
        config: a configuration of the data set; None if it has only one.
        split: ``train``, or an expression of the hub such as ``train+test``.
        remedy: what the user can do if the hub cannot be reached.
    """
    try:
        import datasets
        import huggingface_hub

        if not huggingface_hub.constants.HF_HUB_OFFLINE:
            # Fails at once where the hub is out of reach; load_dataset would first retry for 23 seconds.
            huggingface_hub.HfApi().dataset_info(hub_id, timeout=HUB_SECONDS)
        named = (config,) if config else ()
        if split:
            tables: Mapping[str, Any] = {split: datasets.load_dataset(hub_id, *named, split=split)}
        else:
            tables = datasets.load_dataset(hub_id, *named)
    except Exception as error:  # of several libraries and their versions: no network, no access, not cached
        reason = type(error).__name__
        if isinstance(error, ValueError):  # a configuration or a split that is not there, and which there are
            reason += ": " + " ".join(str(error).split())[:200]
        raise TaskError(
            f"the task {task} cannot be loaded from the hub id {hub_id} ({reason}); "
            f"{remedy}, or set HF_HUB_OFFLINE=1 to use a cached copy"
        ) from error
    return {
        name: [
            Record(place=f"{hub_id}:{config or 'default'}:{name}:{number}", fields=dict(row))
            for number, row in enumerate(table, 1)
        ]
        for name, table in tables.items()
    }
