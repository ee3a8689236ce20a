"""Where an invocation's runs run on this machine: on which devices, how many at a time, and why."""

from collections.abc import Sequence
from dataclasses import dataclass

from harness.config.run_config import RunConfig
from harness.errors import HarnessError
from harness.launch.devices import NO_GPU, Device, cores, cpu_slots, devices_of, gpus
from harness.launch.scheduling import Forecaster

HEADROOM = 0.9
"""Share of a GPU's memory that the estimates of several runs may fill: they are estimates."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Places:
    """Devices, and how many runs share each."""

    devices: Sequence[Device]
    runs_per_device: int
    at_once: int
    """The most runs at a time."""
    remarks: tuple[str, ...]
    """What was chosen and why, and what is amiss; a line each."""


def places_of(
    runs: Sequence[RunConfig],
    *,
    devices: str | None,
    runs_per_device: int | None,
    workers: int | None,
    forecaster: Forecaster,
) -> Places:
    """``devices``, ``runs_per_device`` and ``workers`` as they were asked for; None: as the machine allows.

    Raises:
        HarnessError: a device is not there, or a run needs more of them than there are.
    """
    compute, kind = runs[0].compute, runs[0].model.device
    here, threads = cores(), compute.threads
    fitting = max(1, here // threads)
    if kind == "cpu" and runs_per_device is not None:
        raise HarnessError("--runs-per-device is for GPUs, and these runs use the CPU; --devices cpu:4 runs four")
    if compute.devices > 1 and runs_per_device is not None:
        raise HarnessError(
            f"--runs-per-device is for runs of one device, and these have compute.devices={compute.devices}; leave it "
            "out"
        )
    if devices is not None:
        chosen = devices_of(devices, kind)
    else:
        chosen = gpus() if kind == "cuda" else cpu_slots(max(workers or fitting, compute.devices))
    if not chosen:
        raise HarnessError(f"{NO_GPU}; use model.device=auto, or --executor ray for GPUs of other machines")
    if compute.devices > len(chosen):
        raise HarnessError(
            f"compute.devices={compute.devices}, and the runs have {len(chosen)} here "
            f"({', '.join(device.name for device in chosen)}); name more by --devices, or set compute.devices"
        )
    each, why = _together(runs, chosen, runs_per_device, forecaster, fitting)
    slots = len(chosen) // compute.devices if compute.devices > 1 else each * len(chosen)
    at_once = min(workers or slots, slots, len(runs))
    remarks = [f"{each} run{'s' * (each > 1)} a GPU: {why}"] if why else []
    if kind == "cuda" or devices is not None:
        remarks.insert(0, f"on {', '.join(device.name for device in chosen)}")
    processes = at_once * compute.devices
    if processes > fitting:  # the threads of a run are part of its config: its bits depend on them
        remarks.append(
            f"warning: {processes} workers of {threads} thread{'s' * (threads > 1)} each share {here} cores and slow "
            f"each other down; {fitting} at a time fit"
        )
    return Places(devices=chosen, runs_per_device=each, at_once=at_once, remarks=tuple(remarks))


def _together(
    runs: Sequence[RunConfig], devices: Sequence[Device], asked: int | None, forecaster: Forecaster, fitting: int
) -> tuple[int, str]:
    """How many runs share a GPU, and why; no reason where there is nothing to decide."""
    if asked is not None or runs[0].model.device == "cpu":
        return asked or 1, ""
    if runs[0].compute.devices > 1:
        return 1, f"a run takes {runs[0].compute.devices} of them"
    if runs[0].budget.unit == "seconds":
        return 1, "their budget is seconds, of which runs that share a GPU get less done"
    memory = min((device.memory for device in devices if device.memory is not None), default=None)
    needed = [gib for run in runs if (gib := forecaster.gib(run)) is not None]
    if memory is None or len(needed) < len(runs):
        return 1, "how many fit is not known; --runs-per-device says otherwise"
    fit = max(1, int(HEADROOM * memory / max(needed)))
    room = max(1, fitting // len(devices))
    told = f"harness plan estimates {max(needed):.1f} GiB a run, and {memory:.1f} are there"
    if room < fit:
        told += f"; {fit} would fit, and there are cores for {room}"
    return min(fit, room), f"{told}; --runs-per-device says otherwise"
