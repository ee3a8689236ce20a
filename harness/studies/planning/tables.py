"""The tables that ``harness plan`` prints."""

from collections.abc import Callable, Mapping, Sequence

from harness.report.pages.grid import Grid
from harness.studies.planning.arm import Arm
from harness.studies.planning.duration import Duration
from harness.studies.planning.layout import ALONE, Layout
from harness.studies.planning.memory import GIB, PHASES, Memory
from harness.studies.planning.sweep import IDLE, MEMORY, PARTS, Sweep, parts_of_time


def told(seconds: float) -> str:
    """A time in hours, minutes or seconds, whichever fits."""
    if seconds >= 3600:
        return f"{seconds / 3600:,.1f} h"
    return f"{seconds / 60:.1f} min" if seconds >= 60 else f"{seconds:.1f} s"


def memory_table(needs: Mapping[str, Memory]) -> Grid:
    """Memory by item and phase. Items that no arm needs are left out."""
    rows = []
    for name, item in next(iter(needs.values())).items.items():
        if any(found.items[name].size for found in needs.values()):
            when = "always" if item.phases == PHASES else ", ".join(item.phases)
            rows.append([name, when, *(gib(found.items[name].size) for found in needs.values())])
    for phase in PHASES:
        sums = (sum(found.held(phase).values()) for found in needs.values())
        rows.append([f"while {phase}", "", *map(gib, sums)])
    rows.append(["peak", "", *(gib(found.peak) for found in needs.values())])
    return Grid(headers=("GiB", "held while", *needs), rows=rows, texts=2)


def gib(size: float) -> str:
    """A size in GiB, with more digits if it is small."""
    return f"{size / GIB:.1f}" if size >= GIB or not size else f"{size / GIB:.2g}"


def duration_table(takes: Mapping[str, Duration], devices: int) -> Grid:
    rows: dict[str, Callable[[Duration], str]] = {
        "rollout batches": lambda d: f"{d.steps:,}",
        "sampled tokens, M": lambda d: f"{d.sampled_tokens / 1e6:,.1f}",
        "evaluation tokens, M": lambda d: f"{d.evaluated_tokens / 1e6:,.1f}",
        "model PFLOPs": lambda d: f"{d.flops / 1e15:,.1f}",
        "start": lambda d: told(d.beginning),
        "sampling": lambda d: told(d.sampling),
        "training": lambda d: told(d.training),
        "sync": lambda d: told(d.sync),
        "evaluation": lambda d: told(d.evaluation),
    }
    if devices > 1:
        rows["exchange"] = lambda d: told(d.communication)
    rows["total"] = lambda d: told(d.seconds)
    lines = [[name, *map(cell, takes.values())] for name, cell in rows.items()]
    return Grid(headers=("per run", *takes), rows=lines)


def scaling_table(arms: Sequence[Arm], layouts: Sequence[Layout]) -> Grid:
    """One run of each arm on one device and in each of ``layouts``."""
    rows = [_scaled(arm, layout) for arm in arms for layout in dict.fromkeys((ALONE, *layouts))]
    headers = ("a run of", "devices", "GiB each", "time", "speed-up", "efficiency", *PARTS, "limit")
    return Grid(headers=headers, rows=rows, texts=2)


def _scaled(arm: Arm, layout: Layout) -> list[str]:
    alone, took = arm.duration(), arm.duration(layout)
    faster = alone.seconds / took.seconds
    spent = parts_of_time(took)
    lost = {part: layout.devices * seconds - parts_of_time(alone)[part] for part, seconds in spent.items()}
    limit = max(lost if layout.devices > 1 else spent, key=(lost if layout.devices > 1 else spent).__getitem__)
    return [
        arm.name,
        str(layout),
        gib(arm.memory(layout).peak),
        told(took.seconds),
        f"{faster:.1f}",
        percent(faster / layout.devices),
        *(percent(seconds / took.seconds) for seconds in spent.values()),
        limit if arm.fits(layout) else MEMORY,
    ]


def sweep_table(sweeps: Sequence[Sweep]) -> Grid:
    """All runs of a suite, by the number of devices."""
    headers = ("devices", "per run", "runs at once", "time", "efficiency", *PARTS, "idle", "limit")
    rows = [
        [
            str(sweep.devices),
            ", ".join(dict.fromkeys(map(str, sweep.layouts))),
            str(sweep.side_by_side),
            told(sweep.seconds),
            percent(sweep.efficiency),
            *(percent(sweep.share(part)) for part in (*PARTS, IDLE)),
            sweep.limit or "none",
        ]
        for sweep in sweeps
    ]
    return Grid(headers=headers, rows=rows)


def percent(share: float) -> str:
    return f"{share:.0%}"
