"""A Ray cluster on this machine, whose nodes could be machines, and the runs that are tried on it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
from ray.cluster_utils import Cluster

from harness.config.run_config import RunConfig
from harness.launch.executors.executor import Ended, RunRequest, Terms
from harness.launch.executors.ray.connecting import connect
from harness.launch.executors.ray.executor import RayExecutor
from harness.launch.interrupts import Interrupts
from tests.support.small import INVOCATION

MEMORY = 80 * 2**20
"""The bytes of the object store of a node. Ray refuses less than 75 MB."""


@dataclass
class Nodes:
    """A head node with the driver, which computes nothing, and nodes with one CPU."""

    cluster: Any
    nodes: list[Any]

    def lose(self) -> None:
        """Kills one node with everything that runs there."""
        self.cluster.remove_node(self.nodes.pop(), allow_graceful=False)

    def add(self) -> None:
        self.nodes.append(self.cluster.add_node(num_cpus=1, object_store_memory=MEMORY))


@contextmanager
def nodes(count: int, objectives: Sequence[str] = ()) -> Iterator[Nodes]:
    """Starts ``count`` nodes and connects this process to them."""
    # Starts no workers that may not be needed.
    settings = {"prestart_worker_first_driver": False, "enable_worker_prestart": False}
    head = {"num_cpus": 0, "include_dashboard": False, "object_store_memory": MEMORY, "_system_config": settings}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    try:
        there = Nodes(cluster, [])
        for _ in range(count):
            there.add()
        connect(cluster.address, objectives)
        yield there
    finally:
        ray.shutdown()
        cluster.shutdown()


def requests_of(configs: Sequence[RunConfig], out: Path) -> list[RunRequest]:
    return [
        RunRequest(config=config, directory=out / "runs" / config.run_id, devices=config.compute.devices)
        for config in configs
    ]


def run_on_ray(
    requests: Sequence[RunRequest], meanwhile: Callable[[RayExecutor, Interrupts], None] = lambda _, __: None
) -> dict[str, Any]:
    """How each run ended, by its id. ``meanwhile`` is called several times a second."""
    executor, interrupts = RayExecutor(), Interrupts()
    try:
        ended: list[Ended] = list(
            executor.run(requests, Terms(invocation=INVOCATION), interrupts, lambda: meanwhile(executor, interrupts))
        )
    finally:
        executor.close()
    return {request.config.run_id: outcome for request, outcome in ended}
