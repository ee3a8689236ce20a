"""The interface of executors: an executor takes run requests and yields how each of them ended."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from harness.config.run_config import RunConfig
from harness.launch.interrupts import Interrupts
from harness.records.events import Invocation
from harness.training.first_look import Seen
from harness.training.loop import Outcome


@dataclass(frozen=True, kw_only=True, slots=True)
class RunRequest:
    """A request to train a run in ``directory`` until it ends, starting from whatever is there."""

    config: RunConfig
    directory: Path
    devices: int = 1
    """The number of devices of the run."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Terms:
    """Options that all runs of a command share."""

    invocation: Invocation
    fresh: bool = False
    profiled: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Broken:
    """A run that could not finish because of an error of its own."""

    run_id: str
    reason: str
    lost: bool = False
    """Whether a rank reports that it lost the other ranks. The cause is then whatever ended those."""


Ended = tuple[RunRequest, Outcome | Broken]

WATCH_EVERY = 0.25
"""Seconds between two calls of ``watch``."""
GRACE = 5.0
"""Seconds that the other ranks have to end after one rank has failed. Otherwise they would wait for it forever."""
SURROUNDINGS = {
    # A waiting thread must not spin: on shared cores that costs a factor of ten.
    "OMP_WAIT_POLICY": "passive",
    "GOMP_SPINCOUNT": "1000",
    "TORCH_CPP_LOG_LEVEL": "ERROR",  # warnings would disturb the progress bars
}
"""Environment variables of training processes, unless the user has set them."""

Rank = TypeVar("Rank")


def of_ranks(answers: Mapping[Rank, Outcome | Broken], first: Rank) -> Outcome | Broken:
    """The outcome of a run from the answers of its ranks.

    This is the error of a broken rank if there is one, preferably a cause and not the loss of another rank. Otherwise
    it is the answer of rank 0, ``first``.
    """
    broken = [answer for answer in answers.values() if isinstance(answer, Broken)]
    causes = [answer for answer in broken if not answer.lost]
    return causes[0] if causes else broken[0] if broken else answers[first]


class Executor(Protocol):
    """Trains runs. When a run has ended, its journal and checkpoint are in the directory of the request.

    Once ``interrupts.asked`` is set, each run finishes its step and no other run starts. ``watch`` is called several
    times per second.
    """

    def look(self, config: RunConfig, interrupts: Interrupts, watch: Callable[[], None]) -> Seen | None:
        """Measure the start policy, in the same place as the runs. None if interrupted.

        Raises:
            HarnessError: model or problems cannot be loaded, or do not fit each other.
        """
        ...

    def run(
        self, requests: Sequence[RunRequest], terms: Terms, interrupts: Interrupts, watch: Callable[[], None]
    ) -> Iterator[Ended]:
        """Start runs in the order of their requests, and yield each one when it ends. Runs that never start are left
        out.

        An error in one run does not affect the others.

        Raises:
            HarnessError: no run can go on, because the disk is full or a process died. All runs are stopped first.
        """
        ...

    def running(self) -> Mapping[str, str]:
        """The device names of all running runs, by run id.

        A run that has just ended is included during one more call of ``watch``, so that its end is seen.
        """
        ...

    def close(self) -> None:
        """End all processes. Running runs are stopped after their current step."""
        ...

    def kill(self) -> None:
        """End all processes immediately. Runs can be resumed from what is on disk."""
        ...
