"""What a run needs of a cluster, and what the cluster has room for."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import ray

from harness.config.run_config import RunConfig
from harness.errors import HarnessError
from harness.launch.executors.executor import RunRequest

GROWS_WITHIN = 600.0
"""Seconds for a cluster that may be growing; then a run that fits no node of it is a mistake."""


def needs(config: RunConfig) -> dict[str, float]:
    """Of each of its devices."""
    gpus = {"GPU": 1.0} if config.model.device == "cuda" else {}
    return {"CPU": float(config.compute.threads)} | gpus


def room_for(request: RunRequest) -> int:
    """How many such runs the cluster's nodes have room for, if nobody else uses them."""
    return places(needs(request.config), _nodes()) // request.devices


def places(each: Mapping[str, float], nodes: Sequence[Mapping[str, float]]) -> int:
    """How many processes with these needs fit on the nodes."""
    return sum(int(min(node.get(name, 0) / need for name, need in each.items())) for node in nodes)


def check_room(configs: Sequence[RunConfig], *, since: float) -> None:
    """See that each of them fits the cluster, which has had since ``since`` (of the monotonic clock) to grow.

    Raises:
        HarnessError: one does not.
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
