"""In which order runs start, and which of them a part of a sweep has: by estimates of how long each takes."""

import heapq
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from harness.config.run_config import RunConfig
from harness.errors import HarnessError


class Forecaster(Protocol):
    """What is estimated of a run before it starts: functions of its config alone, the same on every machine."""

    def hours(self, config: RunConfig) -> float:
        """On a machine of its kind; to be compared with other runs', not with a clock."""
        ...

    def gib(self, config: RunConfig) -> float | None:
        """The most memory that it holds on a device; None where that is not known."""
        ...


class Alike:
    """Where nothing is estimated: all runs are the same."""

    def hours(self, config: RunConfig) -> float:
        return 1.0

    def gib(self, config: RunConfig) -> float | None:
        return None


@dataclass(frozen=True, slots=True)
class Part:
    """One of ``count`` parts of a sweep, from 1."""

    number: int
    count: int

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    def of(self, runs: Sequence[RunConfig], forecaster: Forecaster) -> list[RunConfig]:
        """The runs of this part, in their order. Every run is in one part, and parts take about as long as each other.

        The longest run comes first, into the part with the least to do; so no part is longer than another by more than
        one run.
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
    """``2/4``: the second of four.

    Raises:
        HarnessError: it is no such part.
    """
    found = re.fullmatch(r"(\d+)/(\d+)", text.strip())
    if not found or not 1 <= int(found[1]) <= int(found[2]):
        raise HarnessError(f"--part {text!r}: give I/N, part I of N, from 1/N to N/N, such as 2/4")
    return Part(int(found[1]), int(found[2]))


def longest_first(runs: Sequence[RunConfig], forecaster: Forecaster) -> list[RunConfig]:
    """So that no long run begins when all others have ended; those that take as long stay in their order."""
    return sorted(runs, key=lambda run: -forecaster.hours(run))
