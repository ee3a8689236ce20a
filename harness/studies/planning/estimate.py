"""``harness plan``: the estimate as a table, and a refusal where a run cannot fit."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from rich.console import Console
from rich.table import Table

from evaluators.statistics.power import MOST, POWER, of_pairs, seeds_for_equivalence
from evaluators.statistics.ranking import LEVEL
from harness.config.arms import run_config
from harness.config.run_config import RunConfig, SuiteConfig
from harness.errors import HarnessError
from harness.report.pages.grid import Grid
from harness.rollout.problems import fit
from harness.studies.planning import duration, memory
from harness.studies.planning.duration import Duration, duration_of
from harness.studies.planning.gpus import Gpu, gpu_of
from harness.studies.planning.memory import GIB, PHASES, Memory, memory_of, tokens_at_once
from harness.studies.planning.parts import Parts, parts_of
from harness.studies.planning.refusal import refusal
from harness.studies.planning.seeds import refuse_nothing_to_compare, until_decided

PAIRS_DIFFER_BY = (1.0, 2.0, 4.0)
"""Points, for which the seeds of a claim of equivalence are told."""


def estimate(
    suite: SuiteConfig,
    algos: Sequence[str],
    gpu_name: str,
    console: Console,
    *,
    memory_gib: float | None = None,
    prompt: int | None = None,
    completion: int | None = None,
    looks: Sequence[int] | None = None,
    spread: float | None = None,
) -> None:
    """Print memory and time of a run of each arm; ``prompt`` and ``completion``: mean tokens, if not the longest.

    ``looks``: seeds are added until it is decided, by looks after so many; ``spread``: as :func:`until_decided`.

    Raises:
        HarnessError: one does not fit, with the numbers; or the suite, an arm or the GPU is not known.
    """
    gpu = gpu_of(gpu_name)
    _check(suite, algos, prompt, completion)
    if looks is None and spread is not None:
        raise HarnessError("--spread goes with --until decided: give both, or neither")
    if looks is not None:
        refuse_nothing_to_compare(suite, algos)
    gpu = replace(gpu, memory=memory_gib or gpu.memory)
    planned = _on_a_gpu(suite, gpu, gpu_name)
    configs = {name: run_config(planned, name, 0) for name in algos}
    parts = {name: parts_of(config) for name, config in configs.items()}
    fit(configs[algos[0]], parts[algos[0]].policy, {})
    needs = {name: memory_of(configs[name], parts[name]) for name in algos}
    prompt, completion = prompt or suite.rollout.max_prompt_tokens, completion or suite.rollout.max_tokens
    takes = {name: duration_of(configs[name], parts[name], gpu, prompt, completion) for name in algos}
    for line in (
        _heading(planned, gpu_name, parts[algos[0]]),
        _memory_table(needs, gpu.memory),
        _duration_table(takes),
    ):
        console.print(line, highlight=False)
    hours = {name: found.hours for name, found in takes.items()}
    if looks is None:
        runs, total = len(algos) * suite.seeds, suite.seeds * sum(hours.values())
        console.print(f"{runs} runs ({len(algos)} arms x {suite.seeds} seeds): {total:,.1f} hours", highlight=False)
        if len(algos) > 1:
            console.print(_equivalence(suite.margin, len(algos)), highlight=False)
    else:
        until_decided(suite, algos, looks, spread, hours, console)
    for assumption in _assumptions(configs[algos[0]], prompt, completion):
        console.print(f"- {assumption}", highlight=False)
    for name in algos:
        if needs[name].peak > gpu.memory * GIB:
            raise HarnessError(refusal(configs[name], needs[name], gpu_name, gpu.memory))


def _equivalence(margin: float, arms: int) -> str:
    """What hours do not say: the seeds that a claim takes."""
    level = LEVEL / (arms - 1)
    needed = {
        points: seeds_for_equivalence(of_pairs(points / 100), margin, level) or f"more than {MOST}"
        for points in PAIRS_DIFFER_BY
    }
    told = ", ".join(f"{seeds} where it is {points:g}" for points, seeds in needed.items())
    return (
        f"seeds from which {arms} arms that are equal are called equivalent within {100 * margin:g} points with "
        f"probability {POWER}, by the standard deviation in points of the difference of two runs of one seed: {told}"
    )


def _check(suite: SuiteConfig, algos: Sequence[str], prompt: int | None, completion: int | None) -> None:
    if len(set(algos)) < len(algos):
        raise HarnessError(f"--algos names an objective twice: {','.join(algos)}")
    for name, mean, limit in (
        ("prompt", prompt, suite.rollout.max_prompt_tokens),
        ("completion", completion, suite.rollout.max_tokens),
    ):
        if mean and mean > limit:
            raise HarnessError(f"--{name}-tokens {mean} is more than the suite's longest {name}, {limit} tokens")


def _on_a_gpu(suite: SuiteConfig, gpu: Gpu, name: str) -> SuiteConfig:
    """With what ``auto`` becomes on a machine with that GPU and vLLM."""
    dtype, engine = suite.model.dtype, suite.compute.engine
    if dtype == "bfloat16" and gpu.bfloat16 is None:
        raise HarnessError(f"model.dtype is bfloat16, which the {name} does not have; set it to float32")
    if dtype == "auto":
        dtype = "bfloat16" if gpu.bfloat16 else "float32"
    return suite.model_copy(
        update={
            "model": suite.model.model_copy(update={"device": "cuda", "dtype": dtype}),
            "compute": suite.compute.model_copy(update={"engine": "vllm" if engine == "auto" else engine}),
        }
    )


def _heading(suite: SuiteConfig, gpu: str, parts: Parts) -> str:
    parameters = list(parts.policy.model.parameters())
    return (
        f"{suite.name} on one {gpu}: {suite.model.path}, {sum(p.numel() for p in parameters):,} parameters, "
        f"{sum(p.numel() for p in parameters if p.requires_grad):,} trained; {suite.compute.engine}, "
        f"{suite.model.dtype}"
    )


def _memory_table(needs: dict[str, Memory], limit: float) -> Table:
    """Item by item; what no arm holds is left out."""
    rows = []
    for name, item in next(iter(needs.values())).items.items():
        if any(found.items[name].size for found in needs.values()):
            when = "always" if item.phases == PHASES else ", ".join(item.phases)
            rows.append([name, when, *(f"{found.items[name].size / GIB:.1f}" for found in needs.values())])
    for phase in PHASES:
        sums = (sum(found.held(phase).values()) for found in needs.values())
        rows.append([f"while {phase}", "", *(f"{held / GIB:.1f}" for held in sums)])
    rows.append(["peak", "", *(f"{found.peak / GIB:.1f}" for found in needs.values())])
    grid = Grid(headers=("GiB", "held while", *needs), rows=rows, texts=2)
    return grid.terminal(f"memory, of {limit:g} GiB", total=True)


def _duration_table(takes: dict[str, Duration]) -> Table:
    rows: dict[str, Callable[[Duration], str]] = {
        "rollout batches": lambda d: f"{d.steps:,}",
        "tokens sampled, M": lambda d: f"{d.sampled_tokens / 1e6:,.1f}",
        "tokens evaluated, M": lambda d: f"{d.evaluated_tokens / 1e6:,.1f}",
        "model PFLOPs": lambda d: f"{d.flops / 1e15:,.1f}",
        "hours sampling": lambda d: f"{d.sampling / 3600:.2f}",
        "hours training": lambda d: f"{d.training / 3600:.2f}",
        "hours sync": lambda d: f"{d.sync / 3600:.2f}",
        "hours evaluation": lambda d: f"{d.evaluation / 3600:.2f}",
        "hours": lambda d: f"{d.hours:.2f}",
    }
    lines = [[name, *map(cell, takes.values())] for name, cell in rows.items()]
    return Grid(headers=("a run", *takes), rows=lines).terminal("time", total=True)


def _assumptions(config: RunConfig, prompt: int, completion: int) -> list[str]:
    recomputed = (
        "layers are computed again in the backward pass"
        if config.policy.gradient_checkpointing
        else "all activations are kept; policy.gradient_checkpointing=true keeps one layer's"
    )
    return [
        f"mean prompt {prompt} and completion {completion} tokens; --prompt-tokens and --completion-tokens change them",
        f"training holds {tokens_at_once(config):,} tokens at once, the larger of compute.micro_batch_tokens and the "
        f"longest group; {recomputed}",
        "activations: what autograd keeps of the model's own layers, traced without data; scoring: at most one layer's",
        "trained weights, gradients and moments in float32; vLLM gives its memory to training and back, the copy that "
        f"the transformers engine samples from stays; {memory.ALLOWANCE / GIB:g} GiB for CUDA and fragments",
        f"passes reach {duration.TRAINING_SHARE:.0%} of the GPU's matrix rate, sampling {duration.DECODING_SHARE:.0%} "
        "of its bandwidth; what starts kernels is not counted, which a small model or the transformers engine feels",
        "grading, loading and the journal are not counted; a prompt is computed once for its group; layers that are "
        "computed again take time, and are no model FLOPs",
    ]
