"""A process that finds only some packages and their dependencies, like a machine without network."""

import os
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, distributions, packages_distributions, requires

from packaging.requirements import Requirement

from tests.support.paths import ROOT

OWN = {"agro-harness", "pip", "setuptools"}


def with_only(names: Iterable[str]) -> dict[str, str]:
    """The environment of a process that can import only these distributions and their dependencies."""
    kept = _closure(names) | OWN
    installed = {_normal(found.name) for found in distributions()}
    modules = {top for top, owners in packages_distributions().items() if not {_normal(name) for name in owners} & kept}
    path = os.pathsep.join([str(ROOT / "tests" / "support" / "blocked"), str(ROOT)])
    return os.environ | {
        "PYTHONPATH": path,
        "BLOCKED_MODULES": ",".join(sorted(modules)),
        "BLOCKED_DISTRIBUTIONS": ",".join(sorted(installed - kept)),
    }


def _closure(names: Iterable[str]) -> set[str]:
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = _normal(waiting.pop())
        if name in found:
            continue
        try:
            needed = [Requirement(line) for line in requires(name) or []]
        except PackageNotFoundError:
            continue
        found.add(name)
        waiting += [each.name for each in needed if not each.marker or each.marker.evaluate({"extra": ""})]
    return found


def _normal(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")
