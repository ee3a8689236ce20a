"""The devices of runs: GPUs or shares of the CPU's cores. These are the ones in ``--devices``, or all by default."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from harness.errors import HarnessError

NUMBERS = re.compile(r"(?:cuda:)?(\d+)(?:-(\d+))?")
SLOTS = re.compile(r"cpu:(\d+)")
FORM = "give GPUs, such as 0-7 or 0,2,5, or the number of runs that share the CPU, such as cpu:4"
NO_GPU = "model.device is cuda, but torch sees no GPU"
VISIBLE = "CUDA_VISIBLE_DEVICES"


@dataclass(frozen=True, kw_only=True, slots=True)
class Device:
    """One GPU, or one of several shares of the CPU."""

    name: str
    """``cuda:3`` with the number in the process of the command, or ``cpu:0``."""
    visible: str | None = None
    """The value of :data:`VISIBLE` for processes on this device; None to leave it unchanged."""
    memory: float | None = None
    """GiB that a process sees; None if unknown."""

    @property
    def on_gpu(self) -> bool:
        return not self.name.startswith("cpu")


def cores() -> int:
    """The number of cores that this process may use. A batch system may give a job only some of the machine's."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def gpus() -> list[Device]:
    """The GPUs that torch sees. The user can choose them with :data:`VISIBLE`, by number or by UUID."""
    import torch  # malformed options are refused without it

    count = torch.cuda.device_count()
    chosen = os.environ.get(VISIBLE)
    entries = [entry.strip() for entry in chosen.split(",")] if chosen is not None else list(map(str, range(count)))
    return [
        Device(name=f"cuda:{i}", visible=entry, memory=torch.cuda.get_device_properties(i).total_memory / 2**30)
        for i, entry in enumerate(entries[:count])
    ]


def cpu_slots(count: int) -> list[Device]:
    """``count`` shares of the CPU."""
    return [Device(name=f"cpu:{i}") for i in range(count)]


def refuse_malformed(asked: str) -> None:
    """
    Raises:
        HarnessError: ``--devices`` is malformed, so it is wrong on any machine.
    """
    slots, chosen = SLOTS.fullmatch(asked.strip()), os.environ.get(VISIBLE, "").split(",")
    named = all(NUMBERS.fullmatch(part.strip()) or part.strip() in chosen for part in asked.split(","))
    if not (slots and int(slots[1])) and not named:
        raise HarnessError(f"--devices {asked!r}: {FORM}")


def devices_of(asked: str, kind: str) -> list[Device]:
    """The devices in ``--devices``, for runs whose ``model.device`` is ``kind``.

    Raises:
        HarnessError: there is no device, a device does not exist or is named twice, or it has the wrong kind.
    """
    here, slots = gpus(), SLOTS.fullmatch(asked.strip())
    if slots and int(slots[1]):
        if kind != "cpu":
            raise HarnessError(f"--devices {asked}, but these runs use the GPU: {FORM}, or --set model.device=cpu")
        return cpu_slots(int(slots[1]))
    places = _places(asked, here)
    if twice := sorted({place for place in places if places.count(place) > 1}):
        raise HarnessError(f"--devices {asked} names cuda:{twice[0]} twice")
    if absent := [place for place in places if place >= len(here)]:
        raise HarnessError(f"--devices {asked} names cuda:{absent[0]}, but torch sees {_told(here)}")
    if kind == "cpu":
        raise HarnessError(f"--devices {asked}, but these runs use the CPU: {FORM}, or --set model.device=cuda")
    return [here[place] for place in places]


def _places(asked: str, here: Sequence[Device]) -> list[int]:
    """The numbers of the named GPUs, whether or not they exist."""
    return list(chain.from_iterable(_range(part.strip(), asked, here) for part in asked.split(",")))


def _range(part: str, asked: str, here: Sequence[Device]) -> Sequence[int]:
    uuids = [device.visible for device in here]
    if not part.isdigit() and part in uuids:
        return [uuids.index(part)]
    found = NUMBERS.fullmatch(part)
    if not found:
        raise HarnessError(f"--devices {asked!r}: {FORM}")
    first, last = int(found[1]), int(found[2] or found[1])
    if last < first:
        raise HarnessError(f"--devices {asked}: the range {part} is empty; {FORM}")
    return range(first, last + 1)


def _told(here: Sequence[Device]) -> str:
    if not here:
        return "no GPU here"
    shown = here[0].name if len(here) == 1 else f"{here[0].name} to {here[-1].name}"
    seen = f" through {VISIBLE}={os.environ[VISIBLE]}" if VISIBLE in os.environ else ""
    return f"{len(here)} here, {shown}{seen}"
