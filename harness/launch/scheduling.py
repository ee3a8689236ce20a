"""The order in which runs start, and the parts of a sweep. Both use estimates of how long each run takes."""

import heapq
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from harness.config.run_config import RunConfig
from harness.errors import HarnessError


class Forecaster(Protocol):
    """Estimates for a run before it starts. They only depend on its config, so all machines get the same values."""

    def hours(self, config: RunConfig) -> float:
        """The hours on a typical machine. Only the ratio between runs is meaningful."""
        ...

    def gib(self, config: RunConfig) -> float | None:
        """The peak memory on a device; None if unknown."""
        ...


class Alike:
    """A forecaster without estimates, for which all runs are equal."""

    def hours(self, config: RunConfig) -> float:
        return 1.0

    def gib(self, config: RunConfig) -> float | None:
        return None


@dataclass(frozen=True, slots=True)
class Part:
    """One of ``count`` parts of a sweep. Numbers start at 1."""

    number: int
    count: int

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    def of(self, runs: Sequence[RunConfig], forecaster: Forecaster) -> list[RunConfig]:
        """The runs of this part, in their order. Every run is in one part, and all parts take about equally long.

        Runs are assigned from the longest to the shortest, each to the part with the least work. So parts differ by at
        most one run.
        """
        hours = {run.run_id: forecaster.hours(run) for run in runs}
        parts = [(0.0, number) for number in range(1, self.count + 1)]
        mine = set()
        for key in sorted(hours, key=lambda key: (-hours[key], key)):
            load, number = heapq.heappop(parts)
            heapq.heappush(parts, (load + hours[key], number))
            if number == self.number:
                mine.add(key)
        return [run for run in runs if run.run_id in mine]


def parse_part(text: str) -> Part:
    """Parse a part such as ``2/4``, the second of four.

    Raises:
        HarnessError: the text is not a part.
    """
    found = re.fullmatch(r"(\d+)/(\d+)", text.strip())
    if not found or not 1 <= int(found[1]) <= int(found[2]):
        raise HarnessError(f"--part {text!r}: give I/N, part I of N, from 1/N to N/N, such as 2/4")
    return Part(int(found[1]), int(found[2]))


def longest_first(runs: Sequence[RunConfig], forecaster: Forecaster) -> list[RunConfig]:
    """The runs from the longest to the shortest, so that no long run starts last. Equal runs keep their order."""
    return sorted(runs, key=lambda run: -forecaster.hours(run))
