"""The places of an invocation's runs on this machine: the devices, and the number of runs at a time."""

from collections.abc import Sequence
from dataclasses import dataclass

from harness.config.run_config import RunConfig
from harness.errors import HarnessError
from harness.launch.devices import NO_GPU, Device, cores, cpu_slots, devices_of, gpus
from harness.launch.scheduling import Forecaster

HEADROOM = 0.9
"""The share of a GPU's memory that the estimates of several runs may fill. Estimates are not exact."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Places:
    """Devices, and the number of runs that share each."""

    devices: Sequence[Device]
    runs_per_device: int
    at_once: int
    """The largest number of runs at a time."""
    remarks: tuple[str, ...]
    """Lines on choices with their reasons, and on problems."""


def places_of(
    runs: Sequence[RunConfig],
    *,
    devices: str | None,
    runs_per_device: int | None,
    workers: int | None,
    forecaster: Forecaster,
) -> Places:
    """The places for these runs. Options that are None are chosen for the machine.

    Raises:
        HarnessError: a device does not exist, or a run needs more devices than there are.
    """
    compute, kind = runs[0].compute, runs[0].model.device
    here, threads = cores(), compute.threads
    fitting = max(1, here // threads)
    if kind == "cpu" and runs_per_device is not None:
        raise HarnessError("--runs-per-device is for GPUs, but these runs use the CPU; try --devices cpu:4 for 4 runs")
    if compute.devices > 1 and runs_per_device is not None:
        raise HarnessError(
            f"--runs-per-device is for runs on one device, but these have compute.devices={compute.devices}; leave it "
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
            f"compute.devices={compute.devices}, but there are only {len(chosen)} here "
            f"({', '.join(device.name for device in chosen)}); name more with --devices, or set compute.devices"
        )
    each, why = _together(runs, chosen, runs_per_device, forecaster, fitting)
    slots = len(chosen) // compute.devices if compute.devices > 1 else each * len(chosen)
    at_once = min(workers or slots, slots, len(runs))
    remarks = [f"{each} run{'s' * (each > 1)} per GPU: {why}"] if why else []
    if kind == "cuda" or devices is not None:
        remarks.insert(0, f"on {', '.join(device.name for device in chosen)}")
    processes = at_once * compute.devices
    if processes > fitting:  # the number of threads is part of a run's config, because results depend on it
        remarks.append(
            f"warning: {processes} workers with {threads} thread{'s' * (threads > 1)} each share {here} cores and slow "
            f"each other down; {fitting} at a time would fit"
        )
    return Places(devices=chosen, runs_per_device=each, at_once=at_once, remarks=tuple(remarks))


def _together(
    runs: Sequence[RunConfig], devices: Sequence[Device], asked: int | None, forecaster: Forecaster, fitting: int
) -> tuple[int, str]:
    """The number of runs that share a GPU, and the reason. The reason is empty if there was no choice."""
    if asked is not None or runs[0].model.device == "cpu":
        return asked or 1, ""
    if runs[0].compute.devices > 1:
        return 1, f"a run uses {runs[0].compute.devices} GPUs"
    if runs[0].budget.unit == "seconds":
        return 1, "their budget is in seconds, and runs that share a GPU are slower"
    memory = min((device.memory for device in devices if device.memory is not None), default=None)
    needed = [gib for run in runs if (gib := forecaster.gib(run)) is not None]
    if memory is None or len(needed) < len(runs):
        return 1, "it is not known how many fit; --runs-per-device sets another number"
    fit = max(1, int(HEADROOM * memory / max(needed)))
    room = max(1, fitting // len(devices))
    told = f"harness plan estimates {max(needed):.1f} GiB per run, and the GPU has {memory:.1f} GiB"
    if room < fit:
        told += f"; {fit} would fit, but there are only cores for {room}"
    return min(fit, room), f"{told}; --runs-per-device sets another number"
