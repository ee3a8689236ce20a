"""Stand-ins for a run in worker processes. They note where they ran, and take some time."""

import json
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.config.run_config import RunConfig
from harness.errors import HarnessError
from harness.launch.devices import VISIBLE, Device
from harness.launch.executors.executor import Broken, RunRequest, Terms
from harness.launch.executors.worker import asked_to_stop
from harness.training.loop import Outcome
from tests.support.small import INVOCATION, small_config

TERMS = Terms(invocation=INVOCATION)
TAKES = 0.15
"""The seconds that a stand-in takes."""


def fake_gpus(count: int) -> list[Device]:
    """GPUs that do not exist. The machine numbers them 10, 11, ..."""
    return [Device(name=f"cuda:{i}", visible=str(10 + i), memory=80.0) for i in range(count)]


def requests(out: Path, devices: Sequence[int]) -> list[RunRequest]:
    """One request for each number of devices."""
    return [
        RunRequest(config=small_config(seed=seed), directory=out / f"{seed:03}", devices=count)
        for seed, count in enumerate(devices)
    ]


@dataclass(frozen=True, slots=True)
class Visit:
    """One rank of a request, as its process saw it."""

    run: str
    rank: int
    visible: str
    world: str
    process: int
    began: float
    ended: float


def note(request: RunRequest, terms: Terms) -> Outcome | Broken:
    """Notes in the run's directory what this process sees."""
    began = time.monotonic()
    while time.monotonic() < began + TAKES:
        if asked_to_stop():
            return "interrupted"
        time.sleep(0.01)
    rank = int(os.environ.get("RANK", "0"))
    seen = [os.environ.get(VISIBLE, "all"), os.environ.get("WORLD_SIZE", "alone"), os.getpid(), began]
    request.directory.mkdir(parents=True, exist_ok=True)
    (request.directory / f"{rank}.json").write_text(json.dumps([*seen, time.monotonic()]))
    return "finished"


def wait_for_stop(request: RunRequest, terms: Terms) -> Outcome | Broken:
    """A run that ends when it is asked to stop, and not before."""
    while not asked_to_stop():
        time.sleep(0.01)
    return "interrupted"


def visits(out: Path) -> list[Visit]:
    """All notes."""
    return [
        Visit(path.parent.name, int(path.stem), *json.loads(path.read_text())) for path in sorted(out.glob("*/*.json"))
    ]


def hang(request: RunRequest, terms: Terms) -> Outcome | Broken:
    """A step that never ends, even if it is asked to stop."""
    request.directory.mkdir(parents=True, exist_ok=True)
    (request.directory / "begun").write_text(str(os.getpid()))
    time.sleep(600)
    return "finished"


def second_rank_dies(request: RunRequest, terms: Terms) -> Outcome | Broken:
    """The second rank dies, and the others wait for it in vain."""
    if os.environ.get("RANK") == "1":
        os._exit(9)
    return hang(request, terms)


def second_rank_raises(request: RunRequest, terms: Terms) -> Outcome | Broken:
    """The second rank raises an error that ends a run, such as a full disk. The others wait for it in vain."""
    if os.environ.get("RANK") == "1":
        raise HarnessError("no room")
    return hang(request, terms)


def process_of(config: RunConfig) -> int:
    """Takes the place of a first look, and names the process that takes it."""
    return os.getpid()


def second_rank_breaks(request: RunRequest, terms: Terms) -> Outcome | Broken:
    """The second rank reports that it is broken, and the others wait for it in vain."""
    if os.environ.get("RANK") == "1":
        return Broken(run_id=request.config.run_id, reason="of its own")
    return hang(request, terms) if request.devices > 1 else note(request, terms)
