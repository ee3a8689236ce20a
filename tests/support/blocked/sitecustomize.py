"""If this file is on the path of a process, it hides the packages in BLOCKED, as if they were not installed."""

import os
from importlib import machinery, metadata
from typing import Any

TOP = set(os.environ["BLOCKED_MODULES"].split(","))
DISTRIBUTIONS = set(os.environ["BLOCKED_DISTRIBUTIONS"].split(","))

_find_spec = machinery.PathFinder.find_spec
_from_name = metadata.Distribution.from_name


def find_spec(name: str, *rest: Any) -> Any:
    return None if name.partition(".")[0] in TOP else _find_spec(name, *rest)


def from_name(name: str) -> Any:
    if name.lower().replace("_", "-") in DISTRIBUTIONS:
        raise metadata.PackageNotFoundError(name)
    return _from_name(name)


machinery.PathFinder.find_spec = find_spec
metadata.Distribution.from_name = from_name
