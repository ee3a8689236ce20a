"""A remark on how data without splits were split. It is printed before training."""

from evaluators.tasks import load_problems, load_whole
from evaluators.types import Split
from harness.config.naming import own_data
from harness.config.settings import TaskSettings


def split_by_us(task: TaskSettings) -> str | None:
    """The sizes of the splits and the rule, if the harness has split the data."""
    if load_whole(task.name, data=task.data, **task.options) is None:
        return None
    counts = {split: len(load_problems(task.name, split, data=task.data, **task.options)) for split in Split}
    return (
        f"{own_data(task)}: {', '.join(f'{count} {split}' for split, count in counts.items())}, split by a hash of the "
        f"question; to choose the splits yourself, add a column split ({', '.join(Split)}) or use a folder with files "
        "of these names"
    )
