"""The cores of this machine as a device. Their rates are measured within a second, as there is no datasheet."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

from harness.launch.machine import cpu_has_bfloat16
from harness.studies.planning.device import Device

WIDTH = 768
"""The width of the matrices whose product is timed."""
COPIED = 2**28
"""The number of copied bytes. It exceeds the size of caches."""
ROUNDS = 3
"""The fastest round counts, because other processes only slow a measurement down."""


def measured(threads: int) -> Device:
    """This machine as a device, for one run with ``threads`` threads. Gangs communicate through memory, with two
    copies."""
    with _on(threads):
        bfloat16 = _rate(torch.bfloat16) if cpu_has_bfloat16() else None
        float32, bandwidth = _rate(torch.float32), _bandwidth()
    return Device(
        kind="cpu",
        memory=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30,
        bfloat16=bfloat16,
        float32=float32,
        bandwidth=bandwidth,
        link=1000 * bandwidth / 4,
        network=1.25,
    )


@contextmanager
def _on(threads: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _rate(dtype: torch.dtype) -> float:
    """The rate of matrix products, in TFLOP/s."""
    matrix = torch.ones(WIDTH, WIDTH, dtype=dtype)
    return 2 * WIDTH**3 / _seconds(lambda: matrix @ matrix) / 1e12


def _bandwidth() -> float:
    """The bandwidth in TB/s. Each byte is read and written."""
    source = torch.zeros(COPIED // 8, dtype=torch.float64)
    target = torch.empty_like(source)
    return 2 * COPIED / _seconds(lambda: target.copy_(source)) / 1e12


def _seconds(work: Callable[[], object]) -> float:
    """The time of the fastest round, after a warm-up."""
    work()
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)
