"""How the problems of data that assigns no splits were split: told before anything is trained on it."""

from evaluators.tasks import load_problems, load_whole
from evaluators.types import Split
from harness.config.naming import own_data
from harness.config.settings import TaskSettings


def split_by_us(task: TaskSettings) -> str | None:
    """The counts and the rule, if it was this harness that split the data."""
    if load_whole(task.name, data=task.data, **task.options) is None:
        return None
    counts = {split: len(load_problems(task.name, split, data=task.data, **task.options)) for split in Split}
    return (
        f"{own_data(task)}: {', '.join(f'{count} {split}' for split, count in counts.items())} by a hash of the "
        f"question; a column split ({', '.join(Split)}), or a folder of three files so named, assigns them yourself"
    )
