"""The options that all training commands share, given to a command as one parameter."""

import inspect
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from harness.cli.app import say_loading
from harness.cli.options import (
    OUT,
    Anyway,
    Devices,
    ExecutorName,
    Fresh,
    Out,
    PartOf,
    RayAddress,
    RayStorage,
    RunsPerDevice,
    Uri,
    Workers,
)
from harness.cli.parameters import Command, in_place_of
from harness.errors import HarnessError
from harness.terminal import Terminal

if TYPE_CHECKING:
    from harness.launch.execution import Execution


def execution(
    console: Terminal,
    devices: Devices = None,
    runs_per_device: RunsPerDevice = None,
    workers: Workers = None,
    executor: ExecutorName = "local",
    ray_address: RayAddress = None,
    ray_storage: RayStorage = None,
    part: PartOf = None,
    out: Out = OUT,
    tracking_uri: Uri = None,
    fresh: Fresh = False,
    anyway: Anyway = False,
) -> "Execution":
    """The execution that these options describe. Imports the libraries for training, and says so."""
    from harness.launch.devices import refuse_malformed
    from harness.launch.scheduling import parse_part

    chosen = parse_part(part) if part is not None else None
    if devices is not None:
        refuse_malformed(devices)
    _refuse_other_executors(executor, ray_address, ray_storage, devices, runs_per_device)

    say_loading(console)
    from harness.launch.execution import Execution
    from harness.launch.executors.ray.connecting import RayChoice
    from harness.studies.planning.forecast import Forecast

    return Execution(
        ray=RayChoice(address=ray_address, storage=ray_storage) if executor == "ray" else None,
        out=out,
        tracking_uri=tracking_uri,
        workers=workers,
        fresh=fresh,
        anyway=anyway,
        devices=devices,
        runs_per_device=runs_per_device,
        part=chosen,
        forecaster=Forecast(),
    )


def _refuse_other_executors(
    executor: str, address: str | None, storage: str | None, devices: str | None, runs_per_device: int | None
) -> None:
    """
    Raises:
        HarnessError: an option belongs to an executor that was not chosen.
    """
    if executor == "ray" and (devices is not None or runs_per_device is not None):
        raise HarnessError(
            "--devices and --runs-per-device do not work with --executor ray, because Ray chooses the devices"
        )
    if executor != "ray" and (address is not None or storage is not None):
        raise HarnessError("--ray-address and --ray-storage need --executor ray")


def executing(out: Path = OUT) -> Callable[[Command], Command]:
    """Give a command the options of :func:`execution` in place of its parameter ``how``.

    ``out`` is the default of ``--out``. The command gets ``how`` as a function of the console. It calls the function
    after its own checks, so that it can refuse wrong arguments before the slow imports.
    """
    theirs = dict(inspect.signature(execution).parameters)
    del theirs["console"]
    theirs["out"] = theirs["out"].replace(default=out)
    return in_place_of("how", theirs, lambda **how: partial(execution, **how))
