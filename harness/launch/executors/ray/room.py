"""The resources that a run needs, and the room of the cluster."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import ray

from harness.config.run_config import RunConfig
from harness.errors import HarnessError
from harness.launch.executors.executor import RunRequest

GROWS_WITHIN = 600.0
"""Seconds that a cluster has to grow. After that, a run that does not fit is an error."""


def needs(config: RunConfig) -> dict[str, float]:
    """The resources for each device of a run."""
    gpus = {"GPU": 1.0} if config.model.device == "cuda" else {}
    return {"CPU": float(config.compute.threads)} | gpus


def room_for(request: RunRequest) -> int:
    """The number of such runs that fit on the cluster, if nobody else uses it."""
    return places(needs(request.config), _nodes()) // request.devices


def places(each: Mapping[str, float], nodes: Sequence[Mapping[str, float]]) -> int:
    """The number of processes with these needs that fit on the nodes."""
    return sum(int(min(node.get(name, 0) / need for name, need in each.items())) for node in nodes)


def check_room(configs: Sequence[RunConfig], *, since: float) -> None:
    """Check that each run fits on the cluster. ``since``: the start of the time to grow, on the monotonic clock.

    Raises:
        HarnessError: a run does not fit.
    """
    if time.monotonic() < since + GROWS_WITHIN:
        return
    for config in configs:
        if places(needs(config), _nodes()) < config.compute.devices:
            wanted = " and ".join(f"{need:g} {name}s" for name, need in needs(config).items())
            raise HarnessError(
                f"the cluster has no room for {config.run_id}, which needs {config.compute.devices} times {wanted}; "
                "add nodes to it, or set compute.threads or compute.devices"
            )


def _nodes() -> list[dict[str, Any]]:
    return [node["Resources"] for node in ray.nodes() if node["Alive"]]
