"""This machine's cores as a device: no datasheet tells their rates, so they are measured, in a second."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

from harness.launch.machine import cpu_has_bfloat16
from harness.studies.planning.device import Device

WIDTH = 768
"""Of the matrices whose product is timed."""
COPIED = 2**28
"""Bytes that are copied: more than caches hold."""
ROUNDS = 3
"""The best of them counts: other processes only slow one down."""


def measured(threads: int) -> Device:
    """What one run with so many threads has of this machine. Gangs speak by its memory, which two copies cross."""
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
    """TFLOP/s."""
    matrix = torch.ones(WIDTH, WIDTH, dtype=dtype)
    return 2 * WIDTH**3 / _seconds(lambda: matrix @ matrix) / 1e12


def _bandwidth() -> float:
    """TB/s; each byte is read and written."""
    source = torch.zeros(COPIED // 8, dtype=torch.float64)
    target = torch.empty_like(source)
    return 2 * COPIED / _seconds(lambda: target.copy_(source)) / 1e12


def _seconds(work: Callable[[], object]) -> float:
    """Of the fastest round, behind one that warms up."""
    work()
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)
