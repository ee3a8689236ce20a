"""Plugins: entry points by which other installed packages add to a registry."""

from collections.abc import Iterable
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

OBJECTIVES = "agro_harness.objectives"
"""A name, and ``my_package.my_module:MyObjective``."""
TASKS = "agro_harness.tasks"
"""A name, and a :class:`evaluators.tasks.Task`."""
ENGINES = "agro_harness.engines"
"""A name, and a function like those in ``harness.rollout.engines.ENGINES``."""
SUITES = "agro_harness.suites"
"""A name, and the package in whose folder ``NAME.yaml`` lies."""
GROUPS = (OBJECTIVES, TASKS, ENGINES, SUITES)


class PluginError(Exception):
    """A plugin that cannot be used. The message is one sentence for the user."""


def plugins_of(group: str, built_in: Iterable[str] = ()) -> dict[str, EntryPoint]:
    """The entry points of ``group`` by name. They are not imported yet.

    Raises:
        PluginError: a name is one of ``built_in``, or two packages use the same name.
    """
    found: dict[str, EntryPoint] = {}
    taken = set(built_in)
    for point in points_of(group):
        if point.name in taken:
            other = origin_of(found[point.name]) if point.name in found else "the harness itself"
            raise PluginError(
                f"{origin_of(point)} adds {point.name!r} to {group}, and so does {other}; rename one, or uninstall it"
            )
        taken.add(point.name)
        found[point.name] = point
    return found


@cache
def points_of(group: str) -> tuple[EntryPoint, ...]:
    """The entry points of a group. They are cached, because reading them takes milliseconds for every config."""
    return tuple(sorted(entry_points(group=group), key=lambda point: (point.name, origin_of(point))))


def loaded(point: EntryPoint) -> Any:
    """The imported object of the entry point.

    Raises:
        PluginError: it cannot be imported.
    """
    try:
        return point.load()
    except Exception as error:  # a foreign module can fail in any way while it is imported
        said = " ".join(str(error).split())
        raise PluginError(
            f"{point.name} of {origin_of(point)} cannot be imported from {point.value} ({type(error).__name__}: {said})"
        ) from error


def origin_of(point: EntryPoint) -> str:
    """The distribution that adds it, with its version."""
    return f"{point.dist.name} {point.dist.version}" if point.dist else "a package without metadata"
