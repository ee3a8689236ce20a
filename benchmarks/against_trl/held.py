"""What the harness holds in memory at the peak of each work, item by item, beside the least that such a step needs."""

from collections.abc import Sequence

from rich.box import MARKDOWN
from rich.table import Table

from benchmarks.against_trl.ours import configure
from benchmarks.against_trl.works import Job
from harness.studies.planning.memory import GIB, Memory, memory_of
from harness.studies.planning.parts import parts_of

FLOOR = ("policy", "optimiser", "gradients", "activations", "process, fragments")
"""Weights, moments, gradients, one micro-batch, and the process itself."""


def held(jobs: Sequence[Job]) -> Table:
    """One row per item, and one column per work, as ``harness plan`` estimates them."""
    memories = {job.work.name: memory_of(config, parts_of(config)) for job in jobs for config in [configure(job)]}
    shown = Table(box=MARKDOWN)
    shown.add_column("GiB at the peak")
    for name, memory in memories.items():
        shown.add_column(f"{name}, {memory.peak_phase}", justify="right")
    for item in dict.fromkeys(item for memory in memories.values() for item in memory.items):
        sizes = [memory.held(memory.peak_phase).get(item, 0.0) for memory in memories.values()]
        if any(sizes):
            shown.add_row(item, *(f"{size / GIB:.2f}" for size in sizes))
    shown.add_row("all", *(f"{memory.peak / GIB:.2f}" for memory in memories.values()))
    shown.add_row("floor", *(f"{_floor(memory) / GIB:.2f}" for memory in memories.values()))
    return shown


def _floor(memory: Memory) -> float:
    return sum(memory.held("training").get(item, 0.0) for item in FLOOR)
