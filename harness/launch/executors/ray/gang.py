"""A run on several devices of a cluster. Its ranks are actors in a placement group."""

import os
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayError
from ray.util.placement_group import placement_group, remove_placement_group
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

from harness.config.run_config import RunConfig
from harness.launch.executors.carrying import carry
from harness.launch.executors.executor import GRACE, Broken, RunRequest, Terms, of_ranks
from harness.launch.executors.ray.node import Ties, lacking, work_on
from harness.launch.executors.ray.sink import Begun
from harness.launch.gang import MeetingPoint
from harness.training.checkpoint import COMMON_DISK
from harness.training.loop import Outcome


@dataclass(frozen=True, slots=True)
class Lost:
    """A process or a node died. The run must start again from what the sink has."""

    reason: str


class Rank:
    """One process of the run."""

    def begin(self, config: RunConfig) -> tuple[str, str | None]:
        """The address of its node, and a sentence on what the node lacks, see :func:`lacking`."""
        return ray.util.get_node_ip_address(), lacking(config)

    def work(
        self, request: RunRequest, terms: Terms, ties: Ties, begun: Begun | None, environment: dict[str, str]
    ) -> Outcome | Broken:
        """Train this rank's part of the run. Only rank 0 writes files, so only rank 0 gets ``begun``."""
        os.environ.update(environment)
        COMMON_DISK.set(False)  # ranks have folders of their own
        if begun is not None:
            return work_on(begun, request, terms, ties)
        with tempfile.TemporaryDirectory(prefix="harness-", ignore_cleanup_errors=True) as root:
            directory = Path(root) / request.directory.parent.parent.name / "runs" / request.config.run_id
            directory.mkdir(parents=True)
            return carry(replace(request, directory=directory), replace(terms, fresh=False), lambda: False)


def conduct(request: RunRequest, terms: Terms, ties: Ties, each: dict[str, float]) -> Outcome | Broken | Lost:
    """Start the ranks of a run, and wait until they end. ``each``: the CPUs and GPUs of one rank.

    If one rank dies, all others are ended.
    """
    run_id = request.config.run_id
    group = placement_group([each] * request.devices, strategy="PACK")
    try:
        while not group.wait(1):
            if ray.get(ties.sink.stopping.remote()):
                return "interrupted"
        actor: Any = ray.remote(Rank)
        ranks = [
            actor.options(
                num_cpus=each["CPU"],
                num_gpus=each.get("GPU", 0),
                scheduling_strategy=PlacementGroupSchedulingStrategy(group, placement_group_bundle_index=place),
            ).remote()
            for place in range(request.devices)
        ]
        try:
            there: list[tuple[str, str | None]] = ray.get([rank.begin.remote(request.config) for rank in ranks])
            if absent := next((lacks for _, lacks in there if lacks), None):
                return Broken(run_id=run_id, reason=absent)
            begun: Begun | str = ray.get(ties.sink.begin.remote(run_id, there[0][0]))
            if isinstance(begun, str):
                return Broken(run_id=run_id, reason=begun)
            if begun.word != "go":
                return "interrupted"
            point = MeetingPoint(request.devices, ray.util.get_node_ip_address(), one_gpu=True)
            return _outcome(
                [
                    rank.work.remote(request, terms, ties, None if place else begun, environment)
                    for place, (rank, environment) in enumerate(zip(ranks, point.environments, strict=True))
                ]
            )
        except RayError as error:
            return Lost(f"a rank died ({type(error).__name__})")
        finally:
            for rank in ranks:
                ray.kill(rank)
    finally:
        remove_placement_group(group)


def _outcome(ranks: list[Any]) -> Outcome | Broken | Lost:
    """The error of a broken rank, or the answer of rank 0. A rank may notice the loss of another before Ray does.

    Raises:
        RayError: a rank died.
    """
    pending, patience = list(ranks), None
    answers: dict[Any, Outcome | Broken] = {}
    while pending:
        done, pending = ray.wait(pending, timeout=patience)
        if not done:
            break
        answers |= {ref: ray.get(ref) for ref in done}
        if any(isinstance(answer, Broken) for answer in answers.values()):
            patience = GRACE
    found = of_ranks(answers, ranks[0])
    return Lost(found.reason) if isinstance(found, Broken) and found.lost else found
