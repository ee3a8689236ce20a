"""Profiling of runs: spans of time, written as a Chrome trace."""

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, TypedDict

import torch

TRACE = "trace.json"
"""The file in a run's directory. Open it in ui.perfetto.dev or chrome://tracing."""


class TraceEvent(TypedDict, total=False):
    """An event of Chrome's trace format; times are in microseconds."""

    name: str
    ph: str
    """``X`` for a complete event with its time, ``M`` for the name of a process."""
    ts: float
    dur: float
    pid: int
    tid: int
    args: dict[str, Any]


@dataclass
class Profile:
    """The spans of one process. The own time of a span excludes the spans inside it."""

    events: list[TraceEvent] = field(default_factory=list)
    _inside: list[float] = field(default_factory=list)
    """For each open span, the seconds of the spans inside it."""

    @contextmanager
    def span(self, name: str, **args: Any) -> Iterator[None]:
        """Measure the time of this context. Waits for the GPU at the end."""
        began = _now()
        self._inside.append(0.0)
        try:
            yield
        finally:
            took, covered = _now() - began, self._inside.pop()
            if self._inside:
                self._inside[-1] += took
            own = 1e6 * (took - covered)
            times: TraceEvent = {"ts": 1e6 * began, "dur": 1e6 * took, "args": {"own": own} | args}
            self.events.append({"pid": 0, "tid": 0, "name": name, "ph": "X", **times})

    def write(self, path: Path, name: str, rate: float, flops: float) -> None:
        """Write all spans of a run with its name, its FLOPs, and the matrix rate of its machine in FLOP/s."""
        args = {"name": name, "rate": rate, "flops": flops}
        head = {"name": "process_name", "ph": "M", "pid": 0, "args": args}
        path.write_text(json.dumps({"traceEvents": [head, *self.events]}))


def spanning(profile: Profile | None, name: str) -> AbstractContextManager[None]:
    """A span of the profile, or a context that does nothing if there is no profile."""
    return profile.span(name) if profile else nullcontext()


def merge(traces: Sequence[Sequence[TraceEvent]], path: Path) -> None:
    """Write one trace with the events of several processes."""
    events = [event | {"pid": pid} for pid, trace in enumerate(traces) for event in trace]
    path.write_text(json.dumps({"traceEvents": events}))


def read_trace(path: Path) -> list[TraceEvent]:
    """The events of a trace."""
    events: list[TraceEvent] = json.loads(path.read_text())["traceEvents"]
    return events


@cache
def matrix_rate(device: torch.device, dtype: torch.dtype) -> float:
    """FLOP/s of large matrix products on this machine with torch's threads. The best of several measurements."""
    size = 8192 if device.type == "cuda" else 1024
    left, right = torch.rand(2, size, size, device=device).to(dtype)
    seconds = []
    for _ in range(6):
        began = _now()
        left @ right
        seconds.append(_now() - began)
    return 2 * size**3 / min(seconds)


def _now() -> float:
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        torch.cuda.synchronize()
    return time.monotonic()  # one clock for all processes
