"""The options of a command that say where and how its runs are trained."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness.config.run_config import RunConfig
from harness.launch.executors.ray.connecting import RayChoice
from harness.launch.scheduling import Alike, Forecaster, Part

Runs = Sequence[tuple[RunConfig, Path]]
"""Runs with their directories."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Execution:
    """Where and how the runs of an invocation are trained."""

    out: Path
    tracking_uri: str | None
    workers: int | None
    """The largest number of runs at a time; None to let the machine decide."""
    fresh: bool
    profiled: bool = False
    anyway: bool = False
    """Whether to train even if the first look says that there is hardly anything to learn from."""
    looked: bool = False
    """Whether the first look has already been taken."""
    devices: str | None = None
    """The value of ``--devices``; None for all devices."""
    runs_per_device: int | None = None
    """The number of runs that share a GPU; None for as many as fit by the forecast."""
    ray: RayChoice | None = None
    """A Ray cluster; None for this machine."""
    part: Part | None = None
    """The part of the planned runs to train; None for all."""
    forecaster: Forecaster = field(default_factory=Alike)
    """Estimates for ordering, splitting and co-locating runs."""
