"""What every executor does: it takes run requests, and yields how each of them ended."""

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
    """A run that is to be carried to its end in ``directory``, from wherever it stands."""

    config: RunConfig
    directory: Path
    devices: int = 1
    """How many it runs on."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Terms:
    """What holds for all runs of a command."""

    invocation: Invocation
    fresh: bool = False
    profiled: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Broken:
    """A run that an error of its own kept from its end."""

    run_id: str
    reason: str
    lost: bool = False
    """This is of a rank that lost the others of its run: what has ended them is the cause."""


Ended = tuple[RunRequest, Outcome | Broken]

WATCH_EVERY = 0.25
"""Seconds between two calls of ``watch``."""
GRACE = 5.0
"""Seconds that the ranks of a run have to end once one of them has failed; what waits for it waits in vain."""
SURROUNDINGS = {
    # A waiting thread must not spin: on shared cores that costs a factor of ten.
    "OMP_WAIT_POLICY": "passive",
    "GOMP_SPINCOUNT": "1000",
    "TORCH_CPP_LOG_LEVEL": "ERROR",  # its warnings would run through the bars
}
"""Environment of the processes that train, unless the user's has others."""

Rank = TypeVar("Rank")


def of_ranks(answers: Mapping[Rank, Outcome | Broken], first: Rank) -> Outcome | Broken:
    """What broke a rank, a cause of its own before the loss of another, or else the word of rank 0, ``first``."""
    broken = [answer for answer in answers.values() if isinstance(answer, Broken)]
    causes = [answer for answer in broken if not answer.lost]
    return causes[0] if causes else broken[0] if broken else answers[first]


class Executor(Protocol):
    """Runs runs somewhere. Journals and checkpoints are in the requests' directories when a run has ended.

    ``interrupts.asked`` lets each run finish its step, and starts no other; ``watch`` is called meanwhile, several
    times a second.
    """

    def look(self, config: RunConfig, interrupts: Interrupts, watch: Callable[[], None]) -> Seen | None:
        """What the start policy does, found out where runs run; None if it was interrupted.

        Raises:
            HarnessError: model or problems cannot be loaded, or do not fit each other.
        """
        ...

    def run(
        self, requests: Sequence[RunRequest], terms: Terms, interrupts: Interrupts, watch: Callable[[], None]
    ) -> Iterator[Ended]:
        """Start runs in the order of their requests, and yield each one as it ends; those never started are left out.

        What breaks one run costs no other.

        Raises:
            HarnessError: nothing can go on: the disk is full, or a process died; all runs are stopped first.
        """
        ...

    def running(self) -> Mapping[str, str]:
        """Where each run runs that does so now, by run id: the names of its devices.

        A run that ends is still among them in one call of ``watch``, so that its end is seen.
        """
        ...

    def close(self) -> None:
        """End all processes; runs that still run are stopped after their step."""
        ...

    def kill(self) -> None:
        """End all processes at once, whatever they are at; what is on disk resumes."""
        ...
