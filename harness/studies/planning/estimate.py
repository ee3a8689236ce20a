"""``harness plan``: the estimates as tables, and an error if a run does not fit."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from rich.console import Group, RenderableType
from rich.text import Text

from evaluators.statistics.power import MOST, POWER, of_pairs, seeds_for_equivalence
from evaluators.statistics.ranking import LEVEL
from harness.config.arms import run_config
from harness.config.run_config import SuiteConfig
from harness.errors import HarnessError
from harness.launch.machine import settle
from harness.rollout.problems import fit
from harness.studies.planning.arm import Arm
from harness.studies.planning.assumptions import assumptions, between_devices
from harness.studies.planning.device import Device
from harness.studies.planning.document import Estimate
from harness.studies.planning.gpus import device_of
from harness.studies.planning.layout import Layout, layout_of
from harness.studies.planning.parts import Parts, parts_of
from harness.studies.planning.question import Question
from harness.studies.planning.refusal import refusal
from harness.studies.planning.seeds import seeds_table, until_decided
from harness.studies.planning.sweep import swept
from harness.studies.planning.tables import duration_table, memory_table, scaling_table, sweep_table, told
from harness.terminal import Terminal

PAIRS_DIFFER_BY = (1.0, 2.0, 4.0)
"""Standard deviations, in points, for which the plan prints the seeds that equivalence needs."""


def estimate(suite: SuiteConfig, algos: Sequence[str], asked: Question, console: Terminal) -> None:
    """Print memory and time of a run of each arm, and of all runs.

    An arm that cannot be planned gets a line of its own, and the others are planned without it.

    Raises:
        HarnessError: one does not fit, with the numbers; or none can be planned.
    """
    device = device_of(asked.device, suite.compute.threads)
    device = replace(device, memory=asked.memory or device.memory)
    planned = _on(suite, device, asked.device)
    arms, broken = _arms(planned, algos, device, asked)
    own = layout_of(arms[0].config)
    layouts = [replace(own, devices=count, parallel=asked.parallel) for count in asked.devices if asked.parallel]
    counts = () if asked.parallel else asked.devices
    seeds = asked.looks[-1] if asked.looks else suite.seeds
    found = Estimate(
        suite=planned,
        device=asked.device,
        arms=arms,
        layouts=layouts or [own],
        expected=until_decided(suite, len(arms), asked.looks, asked.spread) if asked.looks and len(arms) > 1 else (),
        sweeps={count: swept(arms, seeds, count) for count in counts},
        assumptions=[
            *assumptions(arms[0].config, device, arms[0].prompt, arms[0].completion),
            *(between_devices(device) if asked.devices else ()),
        ],
        broken={name: str(reason) for name, reason in broken.items()},
    )
    console.show(_tables(found, asked), found.as_json)
    _refuse_few(found)
    if not found.sweeps:
        _refuse(arms, found.layouts, asked.device)


def _tables(found: Estimate, asked: Question) -> Group:
    """The whole plan for the terminal."""
    arms, layouts = found.arms, found.layouts
    parts: list[RenderableType] = [Text(_heading(found.suite, found.device, arms[0].parts))]
    if len(layouts) == 1:
        parts += _of_a_run(arms, layouts[0])
    if asked.parallel:
        parts.append(scaling_table(arms, layouts).terminal("one run on several devices"))
    parts += _of_seeds(found, asked)
    if found.sweeps:
        table = sweep_table([sweep for sweep in found.sweeps.values() if sweep])
        number = asked.looks[-1] if asked.looks else found.suite.seeds
        runs = f"{len(arms) * number} runs ({len(arms)} arms x {number} seeds)"
        parts.append(table.terminal(f"{runs} by number of devices"))
    parts += [Text(f"- {line}") for line in found.assumptions]
    parts += [Text(f"{name} cannot be planned: {reason}") for name, reason in found.broken.items()]
    return Group(*parts)


def _on(suite: SuiteConfig, device: Device, name: str) -> SuiteConfig:
    """The suite with all ``auto`` settings resolved for this machine's cores, or for that GPU with vLLM."""
    dtype, engine = suite.model.dtype, suite.compute.engine
    model = suite.model.model_copy(update={"device": device.kind})
    if device.kind == "cpu":
        return settle(suite.model_copy(update={"model": model}))[0]
    if dtype == "bfloat16" and device.bfloat16 is None:
        raise HarnessError(f"model.dtype is bfloat16, but the {name} does not support it; set it to float32")
    if dtype == "auto":
        dtype = "bfloat16" if device.bfloat16 else "float32"
    compute = suite.compute.model_copy(update={"engine": "vllm" if engine == "auto" else engine})
    return suite.model_copy(update={"model": model.model_copy(update={"dtype": dtype}), "compute": compute})


def _arms(
    suite: SuiteConfig, algos: Sequence[str], device: Device, asked: Question
) -> tuple[list[Arm], Mapping[str, HarnessError]]:
    """The arms that can be planned, and the errors of the others by name.

    Raises:
        HarnessError: no arm can be planned.
    """
    arms: list[Arm] = []
    broken: dict[str, HarnessError] = {}
    prompt, completion = asked.prompt or suite.rollout.max_prompt_tokens, asked.completion or suite.rollout.max_tokens
    for name in algos:
        try:
            config = run_config(suite, name, 0)
            parts = parts_of(config, arms[0].parts if arms else None)
            fit(config, parts.policy, {})
        except HarnessError as error:
            broken[name] = error
        else:
            arms.append(Arm(config=config, parts=parts, device=device, prompt=prompt, completion=completion))
    if not arms:
        raise next(iter(broken.values()))
    return arms, broken


def _heading(suite: SuiteConfig, device: str, parts: Parts) -> str:
    parameters = list(parts.policy.model.parameters())
    return (
        f"{suite.name} on the {device}: {suite.model.path}, {sum(p.numel() for p in parameters):,} parameters, "
        f"{sum(p.numel() for p in parameters if p.requires_grad):,} trained; {suite.compute.engine}, "
        f"{suite.model.dtype}"
    )


def _of_a_run(arms: Sequence[Arm], layout: Layout) -> list[RenderableType]:
    where = "" if layout.devices == 1 else f" on each of {layout.devices} devices, {layout.parallel}"
    memory = memory_table({arm.name: arm.memory(layout) for arm in arms})
    takes = duration_table({arm.name: arm.duration(layout) for arm in arms}, layout.devices)
    return [
        memory.terminal(f"memory{where}, of {arms[0].device.memory:.1f} GiB", total=True),
        takes.terminal(f"time{where}", total=True),
    ]


def _of_seeds(found: Estimate, asked: Question) -> list[RenderableType]:
    """Print the time of all runs, and the number of seeds that a claim needs."""
    seconds = {arm.name: arm.duration(found.layouts[0]).seconds for arm in found.arms}
    if asked.looks is not None:
        return seeds_table(found.suite, asked.looks, asked.spread, found.expected, seconds)
    seeds, arms = found.suite.seeds, len(found.arms)
    counted = f"{arms * seeds} runs ({arms} arms x {seeds} seeds), one after the other"
    parts: list[RenderableType] = [Text(f"{counted}: {told(seeds * sum(seconds.values()))}")]
    return [*parts, Text(_equivalence(found.suite.margin, arms))] if arms > 1 else parts


def _equivalence(margin: float, arms: int) -> str:
    """A sentence on the number of seeds that a claim of equivalence needs."""
    level = LEVEL / (arms - 1)
    needed = {
        points: seeds_for_equivalence(of_pairs(points / 100), margin, level) or f"more than {MOST}"
        for points in PAIRS_DIFFER_BY
    }
    counts = ", ".join(f"{seeds} seeds for {points:g} points" for points, seeds in needed.items())
    return (
        f"seeds that show the equivalence of {arms} equal arms within {100 * margin:g} points with probability "
        f"{POWER}, by the standard deviation of the difference of two runs with the same seed: {counts}"
    )


def _refuse_few(found: Estimate) -> None:
    """Refuse a sweep on too few devices.

    Raises:
        HarnessError: a run does not fit on these devices.
    """
    for count, sweep in found.sweeps.items():
        if sweep is None:
            arm = max(found.arms, key=lambda arm: layout.devices if (layout := arm.smallest()) else float("inf"))
            raise HarnessError(f"{count} devices are too few for a run of {arm.name}: {needs(arm)}")


def _refuse(arms: Sequence[Arm], layouts: Sequence[Layout], device: str) -> None:
    """Refuse a plan with runs that do not fit.

    Raises:
        HarnessError: a run does not fit on its devices with this layout. There is one sentence per run.
    """
    refused = [
        f"{refusal(arm.config, arm.memory(layout), device, arm.device.memory, layout)}; {needs(arm)}"
        for arm in arms
        for layout in layouts
        if not arm.fits(layout)
    ]
    if refused:
        raise HarnessError("\n".join(refused))


def needs(arm: Arm) -> str:
    """The number of devices that a run of the arm fits on, in words."""
    layout = arm.smallest()
    if layout is None:
        return "it does not fit on any number of devices"
    if layout.devices == 1:
        return "it fits on one device"
    reshard = " --set compute.reshard=true" if layout.reshard else ""
    change = f"--set compute.devices={layout.devices} --set compute.parallel={layout.parallel}{reshard}"
    return f"it fits on {layout.devices} devices ({change})"
