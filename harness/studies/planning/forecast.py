"""Estimates of single runs, for those who schedule them: each kind of run is estimated once."""

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
"""A core, roughly, and not this one: in what proportion it computes and reads is what an order depends on."""
USUAL = "h100"
"""Whatever the GPU is: all machines of a sweep must come to the same order."""


class Forecast:
    """Hours and memory of runs, as ``harness plan`` estimates them."""

    def __init__(self) -> None:
        self._hours: dict[str, float] = {}
        self._gib: dict[str, float] = {}

    def hours(self, config: RunConfig) -> float:
        """Of the longest prompts and completions, which is the same for all runs of a suite."""
        return _once(self._hours, config, partial(_hours, config))

    def gib(self, config: RunConfig) -> float:
        """At its peak, on the GPU."""
        return _once(self._gib, config, lambda: memory_of(config, parts_of(config)).peak / GIB)


def _hours(config: RunConfig) -> float:
    gpu = CPU if config.model.device == "cpu" else GPUS[USUAL]
    rollout = config.rollout
    return duration_of(config, parts_of(config), gpu, rollout.max_prompt_tokens, rollout.max_tokens).hours


def _once(found: dict[str, float], config: RunConfig, estimate: Callable[[], float]) -> float:
    key = _kind(config)
    if key not in found:
        found[key] = estimate()
    return found[key]


def _kind(config: RunConfig) -> str:
    """The same for runs that take the same time and memory: these depend on an objective by its passes alone."""
    content = config.identity()
    passes = Passes.of(objective_of(config.objective), config.regime_spec, config.optimizer)
    optimizer = {key: value for key, value in content["optimizer"].items() if key != "learning_rate"}
    told = {"passes": str(passes), "control": config.objective.control, "optimizer": optimizer}
    told["layout"] = str(layout_of(config))  # which no id holds
    return digest({key: value for key, value in content.items() if key not in ("seed", "objective")} | told)
