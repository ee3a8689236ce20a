"""All runs of a suite on so many devices: how they are shared out, how long that takes, and what limits it."""

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.studies.planning.arm import Arm
from harness.studies.planning.duration import Duration
from harness.studies.planning.layout import ALONE, Layout

NEGLIGIBLE = 0.01
"""A loss below this share of all devices' time limits nothing."""
IDLE = "idle"
MEMORY = "memory"
PARTS = ("sampling", "training", "exchange", "start")
"""Of a run's time. Evaluation is sampling."""


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
    """Of all runs on a number of devices."""

    devices: int
    layouts: tuple[Layout, ...]
    """Of a run of each arm, all on the same number of devices."""
    seconds: float
    """Until the last run ends."""
    useful: float
    """Device-seconds that the same runs take one by one, each on the fewest devices that it fits on."""
    spent: dict[str, float]
    """Device-seconds by what they go to, idle ones included."""
    limit: str
    """What costs most of what is lost; empty where hardly anything is."""

    @property
    def a_run(self) -> int:
        """Devices of a run."""
        return self.layouts[0].devices

    @property
    def efficiency(self) -> float:
        return self.useful / (self.devices * self.seconds)

    @property
    def side_by_side(self) -> int:
        """Places for runs."""
        return self.devices // self.a_run

    def share(self, part: str) -> float:
        """Of all device-seconds."""
        return self.spent[part] / sum(self.spent.values())


def swept(arms: Sequence[Arm], seeds: int, devices: int) -> Sweep | None:
    """The fastest way to do ``seeds`` runs of each arm; None where one of them fits on no number of these devices."""
    least = max((layout.devices if (layout := arm.smallest()) else devices + 1) for arm in arms)
    found = (_at(arms, seeds, devices, count, least) for count in _counts(arms, least, devices))
    return min(found, key=lambda sweep: sweep.seconds, default=None)


def _counts(arms: Sequence[Arm], least: int, devices: int) -> Iterator[int]:
    """Devices that a run may get: a device without a prompt would have nothing to do."""
    most = min(devices, max(least, *(arm.config.rollout.prompts for arm in arms)))
    while least <= most:
        yield least
        least *= 2


def _at(arms: Sequence[Arm], seeds: int, devices: int, a_run: int, least: int) -> Sweep:
    """With so many devices a run, of which the one that needs most memory needs ``least``."""
    layouts = tuple(layout for arm in arms if (layout := arm.fastest(a_run)))
    assert len(layouts) == len(arms), "what fits on fewer devices fits on more"
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
    """When the last of these runs ends, each begun where a place is free first."""
    free = [0.0] * places
    for seconds in sorted(runs, reverse=True):
        heapq.heapreplace(free, free[0] + seconds)
    return max(free)
