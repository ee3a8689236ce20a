"""A plan as one document: what ``harness plan --json`` prints."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from harness.config.run_config import SuiteConfig
from harness.studies.planning.arm import Arm
from harness.studies.planning.layout import Layout
from harness.studies.planning.seeds import Outlook
from harness.studies.planning.sweep import Sweep


@dataclass(frozen=True, kw_only=True, slots=True)
class Estimate:
    """The memory and time that the runs of a suite need."""

    suite: SuiteConfig
    """The suite with all ``auto`` settings resolved."""
    device: str
    arms: Sequence[Arm]
    layouts: Sequence[Layout]
    """The layouts for which one run of each arm is estimated."""
    expected: Sequence[Outlook]
    """The numbers of seeds until a decision. Empty if the number of seeds is fixed."""
    sweeps: Mapping[int, Sweep | None]
    """Estimates of all runs by the number of devices. None if a run does not fit on them."""
    assumptions: Sequence[str]
    broken: Mapping[str, str]
    """The reasons for arms that cannot be planned, by arm."""

    def as_json(self) -> str:
        """The JSON text. Sizes are in bytes, and times in seconds."""
        content = {
            "suite": self.suite.name,
            "model": self.suite.model.path,
            "dtype": self.suite.model.dtype,
            "engine": self.suite.compute.engine,
            "device": self.device,
            "device_bytes": self.arms[0].device.memory * 2**30,
            "seeds": self.suite.seeds,
            "runs": [_run(arm, layout) for arm in self.arms for layout in self.layouts],
            "until_decided": [asdict(one.seeds) | {"points_away": one.points} for one in self.expected],
            "sweeps": [_sweep(count, sweep) for count, sweep in self.sweeps.items()],
            "cannot_be_planned": dict(self.broken),
            "assumptions": list(self.assumptions),
        }
        return json.dumps(content, indent=1)


def _run(arm: Arm, layout: Layout) -> dict[str, Any]:
    """One run of an arm."""
    memory, takes = arm.memory(layout), arm.duration(layout)
    return {
        "objective": arm.name,
        **asdict(layout),
        "fits": arm.fits(layout),
        "bytes": memory.peak,
        "bytes_by_item": {name: item.size for name, item in memory.items.items() if item.size},
        "peak_while": memory.peak_phase,
        "seconds": takes.seconds,
        **{f"{name}_seconds": getattr(takes, name) for name in ("beginning", "sampling", "training", "sync")},
        "evaluation_seconds": takes.evaluation,
        "exchange_seconds": takes.communication,
        "rollout_batches": takes.steps,
        "sampled_tokens": takes.sampled_tokens,
        "evaluated_tokens": takes.evaluated_tokens,
        "flops": takes.flops,
    }


def _sweep(count: int, sweep: Sweep | None) -> dict[str, Any]:
    """All runs on this number of devices."""
    if sweep is None:
        return {"devices": count, "fits": False}
    return {
        "devices": count,
        "fits": True,
        "devices_a_run": sweep.a_run,
        "at_once": sweep.side_by_side,
        "seconds": sweep.seconds,
        "efficiency": sweep.efficiency,
        "device_seconds": sweep.spent,
        "limit": sweep.limit or None,
    }
