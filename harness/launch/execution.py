"""Where and how the runs of a command are carried out, as its options say."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness.config.run_config import RunConfig
from harness.launch.executors.ray.connecting import RayChoice
from harness.launch.scheduling import Alike, Forecaster, Part

Runs = Sequence[tuple[RunConfig, Path]]
"""With their directories."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Execution:
    """Where and how an invocation's runs are carried out."""

    out: Path
    tracking_uri: str | None
    workers: int | None
    """The most runs at a time; None: as the machine allows."""
    fresh: bool
    profiled: bool = False
    anyway: bool = False
    """Train also where a first look says that there is next to nothing to learn from."""
    looked: bool = False
    """That first look has been taken."""
    devices: str | None = None
    """As ``--devices`` names them; None: all that are there."""
    runs_per_device: int | None = None
    """On a GPU; None: as many as fit, by the forecast."""
    ray: RayChoice | None = None
    """A Ray cluster; None: this machine."""
    part: Part | None = None
    """Of the planned runs only this part."""
    forecaster: Forecaster = field(default_factory=Alike)
    """By which runs are ordered, parted, and put beside each other."""
