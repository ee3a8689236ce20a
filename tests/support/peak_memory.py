"""The memory that torch takes on a CPU."""

from collections.abc import Callable
from itertools import accumulate

from torch.profiler import ProfilerActivity, profile


def peak_of(work: Callable[[], object]) -> int:
    """The largest number of bytes in memory during the work, beyond those before it."""
    return max(accumulate(_changes(work), initial=0))


def kept_by(work: Callable[[], object]) -> int:
    """The number of bytes in memory after the work while its result is held, beyond those before it."""
    return sum(_changes(work))


def _changes(work: Callable[[], object]) -> list[int]:
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiled:
        result = work()
    events = profiled.profiler.kineto_results.events()
    del result
    return [event.nbytes() for event in events if event.name() == "[memory]"]
