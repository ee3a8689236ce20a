"""``harness plan``: the estimates as tables, and an error if a run does not fit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from rich.console import Console

from evaluators.statistics.power import MOST, POWER, of_pairs, seeds_for_equivalence
from evaluators.statistics.ranking import LEVEL
from harness.config.arms import run_config
from harness.config.layers import optimizer_of
from harness.config.run_config import SuiteConfig
from harness.errors import HarnessError
from harness.launch.machine import settle
from harness.rollout.problems import fit
from harness.studies.planning.arm import Arm
from harness.studies.planning.assumptions import assumptions, between_devices
from harness.studies.planning.device import Device
from harness.studies.planning.gpus import device_of
from harness.studies.planning.layout import Layout, Parallel, layout_of
from harness.studies.planning.parts import Parts, parts_of
from harness.studies.planning.refusal import refusal
from harness.studies.planning.seeds import refuse_nothing_to_compare, until_decided
from harness.studies.planning.sweep import swept
from harness.studies.planning.tables import duration_table, memory_table, scaling_table, sweep_table, told

PAIRS_DIFFER_BY = (1.0, 2.0, 4.0)
"""Standard deviations, in points, for which the plan prints the seeds that equivalence needs."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """The request for a plan of a suite."""

    device: str
    """The name of a GPU, or ``cpu``."""
    memory: float | None = None
    """GiB, if the device has another size than usual."""
    prompt: int | None = None
    """The mean number of tokens of a prompt; None for the longest."""
    completion: int | None = None
    """The mean number of tokens of a completion; None for the longest."""
    looks: Sequence[int] | None = None
    """The numbers of seeds at which looks are taken; None for a fixed number of seeds."""
    spread: float | None = None
    """See :func:`until_decided`."""
    devices: Sequence[int] = ()
    """The numbers of devices to plan for."""
    parallel: Parallel | None = None
    """How all devices work on one run; None if they share the runs of the suite."""


def estimate(suite: SuiteConfig, algos: Sequence[str], asked: Question, console: Console) -> None:
    """Print memory and time of one run of each arm, and of all runs.

    An arm that cannot be planned gets a line of its own, and the others are planned without it.

    Raises:
        HarnessError: a run does not fit, no arm can be planned, or the suite, an arm or the device is unknown.
    """
    _check(suite, algos, asked)
    device = device_of(asked.device, suite.compute.threads)
    device = replace(device, memory=asked.memory or device.memory)
    planned = _on(suite, device, asked.device)
    arms, broken = _arms(planned, algos, device, asked)
    own = layout_of(arms[0].config)
    layouts = [replace(own, devices=count, parallel=asked.parallel) for count in asked.devices if asked.parallel]
    layouts = layouts or [own]
    console.print(_heading(planned, asked.device, arms[0].parts), highlight=False)
    if len(layouts) == 1:
        _print_run(arms, layouts[0], console)
    if asked.parallel:
        title = "one run on several devices"
        console.print(scaling_table(arms, layouts).terminal(title), highlight=False)
    _print_seeds(suite, arms, layouts[0], asked, console)
    if asked.devices and not asked.parallel:
        _print_sweep(arms, asked.looks[-1] if asked.looks else suite.seeds, asked.devices, console)
    for line in assumptions(arms[0].config, device, arms[0].prompt, arms[0].completion):
        console.print(f"- {line}", highlight=False)
    for line in between_devices(device) if asked.devices else ():
        console.print(f"- {line}", highlight=False)
    for name, reason in broken.items():
        console.print(f"{name} cannot be planned: {reason}", highlight=False, markup=False)
    if asked.parallel or not asked.devices:
        _refuse(arms, layouts, asked.device)


def _check(suite: SuiteConfig, algos: Sequence[str], asked: Question) -> None:
    """Refuse contradictory requests."""
    if len(set(algos)) < len(algos):
        raise HarnessError(f"--algos names an objective twice: {','.join(algos)}")
    for name in algos:
        optimizer_of(suite, name)  # an unknown name is an error, not an arm that cannot be planned
    for name, mean, limit in (
        ("prompt", asked.prompt, suite.rollout.max_prompt_tokens),
        ("completion", asked.completion, suite.rollout.max_tokens),
    ):
        if mean and mean > limit:
            raise HarnessError(f"--{name}-tokens {mean} exceeds the suite's longest {name} of {limit} tokens")
    if asked.looks is None and asked.spread is not None:
        raise HarnessError("--spread needs --until decided; give both or neither")
    if asked.looks is not None:
        refuse_nothing_to_compare(suite, algos)
    if asked.parallel and not asked.devices:
        raise HarnessError(f"--parallel {asked.parallel} needs --devices N, the number of devices of a run")


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


def _print_run(arms: Sequence[Arm], layout: Layout, console: Console) -> None:
    where = "" if layout.devices == 1 else f" on each of {layout.devices} devices, {layout.parallel}"
    memory = memory_table({arm.name: arm.memory(layout) for arm in arms})
    console.print(memory.terminal(f"memory{where}, of {arms[0].device.memory:.1f} GiB", total=True), highlight=False)
    takes = duration_table({arm.name: arm.duration(layout) for arm in arms}, layout.devices)
    console.print(takes.terminal(f"time{where}", total=True), highlight=False)


def _print_seeds(suite: SuiteConfig, arms: Sequence[Arm], layout: Layout, asked: Question, console: Console) -> None:
    """Print the time of all runs, and the number of seeds that a claim needs."""
    seconds = {arm.name: arm.duration(layout).seconds for arm in arms}
    if asked.looks is not None:
        until_decided(suite, list(seconds), asked.looks, asked.spread, seconds, console)
        return
    runs, total = len(arms) * suite.seeds, suite.seeds * sum(seconds.values())
    counted = f"{runs} runs ({len(arms)} arms x {suite.seeds} seeds), one after the other"
    console.print(f"{counted}: {told(total)}", highlight=False)
    if len(arms) > 1:
        console.print(_equivalence(suite.margin, len(arms)), highlight=False)


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


def _print_sweep(arms: Sequence[Arm], seeds: int, devices: Sequence[int], console: Console) -> None:
    """Print a table of ``seeds`` runs of each arm on several devices.

    Raises:
        HarnessError: a run does not fit on these devices.
    """
    sweeps = [swept(arms, seeds, count) for count in devices]
    table = sweep_table([sweep for sweep in sweeps if sweep])
    runs = f"{len(arms) * seeds} runs ({len(arms)} arms x {seeds} seeds)"
    console.print(table.terminal(f"{runs} by number of devices"), highlight=False)
    if None in sweeps:
        few = devices[sweeps.index(None)]
        arm = max(arms, key=lambda arm: layout.devices if (layout := arm.smallest()) else float("inf"))
        raise HarnessError(f"{few} devices are too few for a run of {arm.name}: {needs(arm)}")


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
