"""The request for a plan of a suite. This module imports no torch, so that a wrong request is refused immediately."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from harness.config.layers import optimizer_of, refuse_nothing_to_compare
from harness.config.run_config import SuiteConfig
from harness.errors import HarnessError
from harness.studies.planning.gpus import refuse_unknown_device

Parallel = Literal["replicate", "shard"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """The request for a plan of a suite."""

    device: str
    """The name of a GPU, or ``cpu``."""
    memory: float | None = None
    """GiB, if the device has another size than usual."""
    prompt: int | None = None
    """The mean number of tokens of a prompt; None for the longest."""
    completion: int | None = None
    """The mean number of tokens of a completion; None for the longest."""
    looks: Sequence[int] | None = None
    """The numbers of seeds at which looks are taken; None for a fixed number of seeds."""
    spread: float | None = None
    """With ``looks``: the standard deviation of a paired difference over seeds, in points."""
    devices: Sequence[int] = ()
    """The numbers of devices to plan for."""
    parallel: Parallel | None = None
    """How all devices work on one run; None if they share the runs of the suite."""


def refuse_wrong(suite: SuiteConfig, algos: Sequence[str], asked: Question) -> None:
    """Refuse contradictory requests.

    Raises:
        HarnessError: an arm or the device is unknown, or options contradict each other.
    """
    if len(set(algos)) < len(algos):
        raise HarnessError(f"--algos names an objective twice: {','.join(algos)}")
    for name in algos:
        optimizer_of(suite, name)  # an unknown name is an error, not an arm that cannot be planned
    refuse_unknown_device(asked.device)
    for name, mean, limit in (
        ("prompt", asked.prompt, suite.rollout.max_prompt_tokens),
        ("completion", asked.completion, suite.rollout.max_tokens),
    ):
        if mean and mean > limit:
            raise HarnessError(f"--{name}-tokens {mean} exceeds the suite's longest {name} of {limit} tokens")
    if asked.looks is None and asked.spread is not None:
        raise HarnessError("--spread needs --until decided; give both or neither")
    if asked.looks is not None:
        refuse_nothing_to_compare(suite, algos)
    if asked.parallel and not asked.devices:
        raise HarnessError(f"--parallel {asked.parallel} needs --devices N, the number of devices of a run")
