"""What the harness holds in memory at the peak of each work, item by item, and a floor."""

from collections.abc import Sequence

from benchmarks.against_trl.ours import configure
from benchmarks.against_trl.table import Rows
from benchmarks.against_trl.works import Job
from harness.studies.planning.memory import GIB, Memory, memory_of
from harness.studies.planning.parts import parts_of

FLOOR = ("policy", "optimiser", "gradients", "activations", "process, fragments")
"""The items of the floor: weights, moments, gradients, one micro-batch, and the process itself."""


def held(jobs: Sequence[Job]) -> Rows:
    """Headers, one row per item, and one column per work, as ``harness plan`` estimates them."""
    memories = {job.work.name: memory_of(config, parts_of(config)) for job in jobs for config in [configure(job)]}
    headers = ("GiB at the peak", *(f"{name}, {memory.peak_phase}" for name, memory in memories.items()))
    rows = []
    for item in dict.fromkeys(item for memory in memories.values() for item in memory.items):
        sizes = [memory.held(memory.peak_phase).get(item, 0.0) for memory in memories.values()]
        if any(sizes):
            rows.append([item, *(f"{size / GIB:.2f}" for size in sizes)])
    rows.append(["all", *(f"{memory.peak / GIB:.2f}" for memory in memories.values())])
    rows.append(["floor", *(f"{_floor(memory) / GIB:.2f}" for memory in memories.values())])
    return headers, rows


def _floor(memory: Memory) -> float:
    return sum(memory.held("training").get(item, 0.0) for item in FLOOR)
