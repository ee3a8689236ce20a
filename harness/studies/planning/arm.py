"""An arm of a suite in a plan: the memory and time of its runs on any number of devices."""

from dataclasses import dataclass
from functools import cache

from harness.config.run_config import RunConfig
from harness.studies.planning.device import Device
from harness.studies.planning.duration import Duration, duration_of
from harness.studies.planning.layout import ALONE, Layout, ways
from harness.studies.planning.memory import GIB, Memory, memory_of
from harness.studies.planning.parts import Parts

MOST = 1024
"""The largest number of devices that is tried for one run."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Arm:
    """An arm of a suite on devices of one kind. Each figure is computed once."""

    config: RunConfig
    parts: Parts
    device: Device
    prompt: int
    """The mean number of tokens of a prompt."""
    completion: int
    """The mean number of tokens of a completion."""

    @property
    def name(self) -> str:
        return self.config.objective.name

    def memory(self, layout: Layout = ALONE) -> Memory:
        return _memory(self, layout)

    def duration(self, layout: Layout = ALONE) -> Duration:
        return _duration(self, layout)

    def fits(self, layout: Layout = ALONE) -> bool:
        return self.memory(layout).peak <= self.device.memory * GIB

    def fastest(self, devices: int) -> Layout | None:
        """The fastest layout of a run on this number of devices; None if it does not fit on them."""
        fitting = [layout for layout in ways(devices) if self.fits(layout)]
        return min(fitting, key=lambda layout: self.duration(layout).seconds, default=None)

    def smallest(self) -> Layout | None:
        """The layout with the fewest devices that a run fits on, a power of two; None if more do not help."""
        counts = [2**power for power in range(MOST.bit_length())]
        return next((layout for count in counts if (layout := self.fastest(count))), None)


@cache
def _memory(arm: Arm, layout: Layout) -> Memory:
    return memory_of(arm.config, arm.parts, layout)


@cache
def _duration(arm: Arm, layout: Layout) -> Duration:
    return duration_of(arm.config, arm.parts, arm.device, arm.prompt, arm.completion, layout)
