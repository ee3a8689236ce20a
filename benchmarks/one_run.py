"""Starts one run, or one rank of a gang, in a process of its own. Used by gpu_check.

This module imports only what training needs: no MLflow, tables or pictures.
"""

import multiprocessing
import os
import sys
from collections.abc import Mapping, Sequence
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from harness.config.run_config import RunConfig
from harness.errors import HarnessError
from harness.launch.executors.executor import RunRequest, Terms
from harness.launch.gang import run_rank
from harness.records.events import Invocation
from harness.training.loop import train

VISIBLE = "CUDA_VISIBLE_DEVICES"
FORKS = multiprocessing.get_context("forkserver")
"""New processes are forked from a server that has imported everything and has not used a GPU yet."""
FORKS.set_forkserver_preload(["harness.launch.gang"])


def places(device: str, count: int) -> list[dict[str, str]]:
    """Environments that put one process on each of ``count`` devices. On a CPU, the processes share the cores."""
    if device == "cpu":
        return [{} for _ in range(count)]
    named = os.environ.get(VISIBLE)
    return [{VISIBLE: name} for name in (named.split(",") if named else map(str, range(count)))][:count]


def begin(
    config: RunConfig, invocation: Invocation, directory: Path, where: Sequence[Mapping[str, str]]
) -> list[ForkServerProcess]:
    """Starts the run in ``directory``, with one process per environment. If they name ranks, the run is a gang."""
    processes = [FORKS.Process(target=_run, args=(config, invocation, directory, dict(place))) for place in where]
    for process in processes:
        process.start()
    return processes


def _run(config: RunConfig, invocation: Invocation, directory: Path, environment: Mapping[str, str]) -> None:
    """Makes the run, and ends the process. The exit code is 0 if the run finished."""
    os.environ.update(environment)
    try:
        if "RANK" in environment:
            request = RunRequest(config=config, directory=directory, devices=config.compute.devices)
            outcome = run_rank(request, Terms(invocation=invocation), lambda: False)
        else:
            outcome = train(config, directory, invocation)
    except HarnessError as error:
        print(f"gpu_check, {directory.name}: {error}", file=sys.stderr)
        sys.exit(2)
    sys.exit(outcome != "finished")
