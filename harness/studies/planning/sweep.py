"""All runs of a suite on several devices: how they are distributed, how long that takes, and what limits it."""

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.studies.planning.arm import Arm
from harness.studies.planning.duration import Duration
from harness.studies.planning.layout import ALONE, Layout

NEGLIGIBLE = 0.01
"""A loss of less than this share of all device time is not a limit."""
IDLE = "idle"
MEMORY = "memory"
PARTS = ("sampling", "training", "exchange", "start")
"""The parts of a run's time. Evaluation counts as sampling."""


def parts_of_time(duration: Duration) -> dict[str, float]:
    """Seconds, by :data:`PARTS`."""
    return {
        "sampling": duration.sampling + duration.evaluation,
        "training": duration.training,
        "exchange": duration.communication,
        "start": duration.beginning + duration.sync,
    }


@dataclass(frozen=True, kw_only=True, slots=True)
class Sweep:
    """All runs on a number of devices."""

    devices: int
    layouts: tuple[Layout, ...]
    """The layout of a run of each arm. All use the same number of devices."""
    seconds: float
    """The time until the last run ends."""
    useful: float
    """Device-seconds of the same runs one after the other, each on the fewest devices that it fits on."""
    spent: dict[str, float]
    """Device-seconds by part, including idle time."""
    limit: str
    """The part with the largest loss; empty if hardly anything is lost."""

    @property
    def a_run(self) -> int:
        """The number of devices per run."""
        return self.layouts[0].devices

    @property
    def efficiency(self) -> float:
        return self.useful / (self.devices * self.seconds)

    @property
    def side_by_side(self) -> int:
        """The number of runs at a time."""
        return self.devices // self.a_run

    def share(self, part: str) -> float:
        """The share of this part in all device-seconds."""
        return self.spent[part] / sum(self.spent.values())


def swept(arms: Sequence[Arm], seeds: int, devices: int) -> Sweep | None:
    """The fastest way to do ``seeds`` runs of each arm; None if one of them does not fit on these devices."""
    least = max((layout.devices if (layout := arm.smallest()) else devices + 1) for arm in arms)
    found = (_at(arms, seeds, devices, count, least) for count in _counts(arms, least, devices))
    return min(found, key=lambda sweep: sweep.seconds, default=None)


def _counts(arms: Sequence[Arm], least: int, devices: int) -> Iterator[int]:
    """The possible numbers of devices per run. A device without a prompt would have nothing to do."""
    most = min(devices, max(least, *(arm.config.rollout.prompts for arm in arms)))
    while least <= most:
        yield least
        least *= 2


def _at(arms: Sequence[Arm], seeds: int, devices: int, a_run: int, least: int) -> Sweep:
    """The sweep with ``a_run`` devices per run. ``least``: the smallest number on which every run fits."""
    layouts = tuple(layout for arm in arms if (layout := arm.fastest(a_run)))
    assert len(layouts) == len(arms), "a run that fits on fewer devices also fits on more"
    took = [arm.duration(layout) for arm, layout in zip(arms, layouts, strict=True)]
    alone = [arm.duration(arm.smallest() or ALONE) for arm in arms]
    fewest = [(arm.smallest() or ALONE).devices for arm in arms]
    seconds = _longest_first([each.seconds for each in took for _ in range(seeds)], devices // a_run)
    spent = {part: a_run * seeds * sum(parts_of_time(each)[part] for each in took) for part in PARTS}
    spent[IDLE] = devices * seconds - sum(spent.values())
    useful = {
        part: seeds * sum(n * parts_of_time(each)[part] for n, each in zip(fewest, alone, strict=True))
        for part in PARTS
    }
    lost = {part: spent[part] - useful.get(part, 0.0) for part in spent}
    limit = max(lost, key=lambda part: lost[part])
    if a_run == least > 1 and limit != IDLE:
        limit = MEMORY
    elif lost[limit] < NEGLIGIBLE * devices * seconds:
        limit = ""
    return Sweep(
        devices=devices,
        layouts=layouts,
        seconds=seconds,
        useful=sum(useful.values()),
        spent=spent,
        limit=limit,
    )


def _longest_first(runs: Sequence[float], places: int) -> float:
    """The time at which the last of these runs ends. The longest runs start first, each at the first free place."""
    free = [0.0] * places
    for seconds in sorted(runs, reverse=True):
        heapq.heapreplace(free, free[0] + seconds)
    return max(free)
