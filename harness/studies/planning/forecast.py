"""Estimates of single runs for scheduling. Each kind of run is estimated once."""

import math
from collections.abc import Callable
from functools import partial

from harness.config.arms import objective_of
from harness.config.run_config import RunConfig, digest
from harness.studies.planning.device import Device
from harness.studies.planning.duration import duration_of
from harness.studies.planning.gpus import GPUS
from harness.studies.planning.layout import layout_of
from harness.studies.planning.memory import GIB, memory_of
from harness.studies.planning.parts import parts_of
from harness.training.passes import Passes

CPU = Device(kind="cpu", memory=math.inf, bfloat16=0.05, float32=0.05, bandwidth=0.02, link=5, network=1)
"""A typical core instead of the actual one. The order of runs only depends on the ratio of its rates."""
USUAL = "h100"
"""The GPU of all estimates, whatever the actual one is, so that all machines of a sweep compute the same order."""


class Forecast:
    """Hours and memory of runs, as ``harness plan`` estimates them. ``cpu``: the device of runs on a CPU."""

    def __init__(self, cpu: Device = CPU) -> None:
        self._cpu = cpu
        self._hours: dict[str, float] = {}
        self._gib: dict[str, float] = {}

    def hours(self, config: RunConfig) -> float:
        """Hours of a run with the longest prompts and completions, which are the same for all runs of a suite."""
        return _once(self._hours, config, partial(_hours, config, self._cpu))

    def gib(self, config: RunConfig) -> float:
        """The peak memory of a run on the GPU."""
        return _once(self._gib, config, lambda: memory_of(config, parts_of(config)).peak / GIB)


def _hours(config: RunConfig, cpu: Device) -> float:
    gpu = cpu if config.model.device == "cpu" else GPUS[USUAL]
    rollout = config.rollout
    return duration_of(config, parts_of(config), gpu, rollout.max_prompt_tokens, rollout.max_tokens).hours


def _once(found: dict[str, float], config: RunConfig, estimate: Callable[[], float]) -> float:
    key = _kind(config)
    if key not in found:
        found[key] = estimate()
    return found[key]


def _kind(config: RunConfig) -> str:
    """A key that runs with the same time and memory share. Of the objective, only its passes matter."""
    content = config.identity()
    passes = Passes.of(objective_of(config.objective), config.regime_spec, config.optimizer)
    optimizer = {key: value for key, value in content["optimizer"].items() if key != "learning_rate"}
    told = {"passes": str(passes), "control": config.objective.control, "optimizer": optimizer}
    told["layout"] = str(layout_of(config))  # not part of any run id
    return digest({key: value for key, value in content.items() if key not in ("seed", "objective")} | told)
