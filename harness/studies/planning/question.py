"""What is asked of a suite's plan. This module imports no torch, so that a wrong question is refused at once."""

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
    """What is asked of a suite's plan."""

    device: str
    """A GPU's name, or ``cpu``."""
    memory: float | None = None
    """GiB, where the device has another size."""
    prompt: int | None = None
    """Mean tokens, if not the longest; so is the next."""
    completion: int | None = None
    looks: Sequence[int] | None = None
    """Seeds are added until it is decided, by looks after so many."""
    spread: float | None = None
    """Points between seeds of a paired difference, with ``looks``."""
    devices: Sequence[int] = ()
    """For how many devices it is told."""
    parallel: Parallel | None = None
    """All of them work on one run; None: they are for all runs of the suite."""


def refuse_wrong(suite: SuiteConfig, algos: Sequence[str], asked: Question) -> None:
    """
    Raises:
        HarnessError: an arm or the device is not known, or options do not go together.
    """
    if len(set(algos)) < len(algos):
        raise HarnessError(f"--algos names an objective twice: {','.join(algos)}")
    for name in algos:
        optimizer_of(suite, name)  # a name that nothing has is a mistake, and no arm that cannot be planned
    refuse_unknown_device(asked.device)
    for name, mean, limit in (
        ("prompt", asked.prompt, suite.rollout.max_prompt_tokens),
        ("completion", asked.completion, suite.rollout.max_tokens),
    ):
        if mean and mean > limit:
            raise HarnessError(f"--{name}-tokens {mean} is more than the suite's longest {name}, {limit} tokens")
    if asked.looks is None and asked.spread is not None:
        raise HarnessError("--spread goes with --until decided: give both, or neither")
    if asked.looks is not None:
        refuse_nothing_to_compare(suite, algos)
    if asked.parallel and not asked.devices:
        raise HarnessError(f"--parallel {asked.parallel} goes with --devices N: say on how many a run is")
