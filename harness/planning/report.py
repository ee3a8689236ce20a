"""``harness plan``: the estimate as a table, and a refusal where a run cannot fit."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from harness.arms import run_config
from harness.config import RunConfig, SuiteConfig
from harness.errors import HarnessError
from harness.planning import duration, memory
from harness.planning.duration import Duration, duration_of
from harness.planning.gpus import gpu_of
from harness.planning.memory import GIB, Memory, memory_of, tokens_at_once
from harness.planning.parts import Parts, parts_of


def estimate(
    suite: SuiteConfig,
    algos: Sequence[str],
    gpu_name: str,
    console: Console,
    *,
    prompt: int | None,
    completion: int | None,
) -> None:
    """Print memory and time of a run of each arm; ``prompt`` and ``completion``: mean tokens, if not the longest.

    Raises:
        HarnessError: one does not fit, with the numbers; or the suite, an arm or the GPU is not known.
    """
    gpu = gpu_of(gpu_name)
    if len(set(algos)) < len(algos):
        raise HarnessError(f"--algos names an objective twice: {','.join(algos)}")
    for name, mean, limit in (
        ("prompt", prompt, suite.rollout.max_prompt_tokens),
        ("completion", completion, suite.rollout.max_tokens),
    ):
        if mean and mean > limit:
            raise HarnessError(f"--{name}-tokens {mean} is more than the suite's longest {name}, {limit} tokens")
    planned = _on_a_gpu(suite)
    configs = {name: run_config(planned, name, 0) for name in algos}
    parts = {name: parts_of(config) for name, config in configs.items()}
    needs = {name: memory_of(configs[name], parts[name]) for name in algos}
    prompt, completion = prompt or suite.rollout.max_prompt_tokens, completion or suite.rollout.max_tokens
    takes = {name: duration_of(configs[name], parts[name], gpu, prompt, completion) for name in algos}
    first = parts[algos[0]].policy.size
    console.print(
        f"{suite.name} on one {gpu_name}: {suite.model.path}, {first.parameters:,} parameters in matrix products, "
        f"{first.trained:,} trained; {planned.compute.engine}, {planned.model.dtype}",
        highlight=False,
    )
    console.print(_memory_table(needs, gpu.memory), _duration_table(takes), highlight=False)
    runs = len(algos) * suite.seeds
    total = suite.seeds * sum(found.hours for found in takes.values())
    console.print(f"{runs} runs ({len(algos)} arms x {suite.seeds} seeds): {total:,.1f} hours", highlight=False)
    for line in _assumptions(configs[algos[0]], prompt, completion):
        console.print(f"- {line}", highlight=False)
    for name in algos:
        if needs[name].peak > gpu.memory * GIB:
            raise HarnessError(_refusal(configs[name], parts[name], needs[name], gpu_name, gpu.memory))


def _on_a_gpu(suite: SuiteConfig) -> SuiteConfig:
    """With what ``auto`` becomes on a machine with that GPU and vLLM."""
    dtype = "bfloat16" if suite.model.dtype == "auto" else suite.model.dtype
    engine = "vllm" if suite.compute.engine == "auto" else suite.compute.engine
    return suite.model_copy(
        update={
            "model": suite.model.model_copy(update={"device": "cuda", "dtype": dtype}),
            "compute": suite.compute.model_copy(update={"engine": engine}),
        }
    )


def _memory_table(needs: dict[str, Memory], limit: float) -> Table:
    table = Table("GiB", *needs, title=f"memory, of {limit:g} GiB", title_justify="left", box=None)
    first = next(iter(needs.values()))
    for phase in ("always", "sampling", "training"):
        for item in getattr(first, phase):
            when = "" if phase == "always" else f" ({phase})"
            table.add_row(item + when, *(f"{getattr(found, phase)[item] / GIB:.1f}" for found in needs.values()))
    table.add_row("peak", *(f"{found.peak / GIB:.1f}" for found in needs.values()), style="bold")
    return table


def _duration_table(takes: dict[str, Duration]) -> Table:
    table = Table("a run", *takes, title="time", title_justify="left", box=None)
    rows = {
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
    for name, cell in rows.items():
        table.add_row(name, *map(cell, takes.values()), style="bold" if name == "hours" else "")
    return table


def _assumptions(config: RunConfig, prompt: int, completion: int) -> list[str]:
    recomputed = (
        "layers are computed again in the backward pass"
        if config.policy.gradient_checkpointing
        else ("all activations are kept; policy.gradient_checkpointing=true keeps one layer's")
    )
    return [
        f"mean prompt {prompt} and completion {completion} tokens; --prompt-tokens and --completion-tokens change them",
        f"training holds {tokens_at_once(config):,} tokens at once, the larger of compute.micro_batch_tokens and the "
        f"longest group; {recomputed}",
        "activations: what autograd keeps of the model's own layers, traced without data",
        "trained weights, gradients and moments in float32; the engine gives its memory to training and back (vLLM), "
        f"or needs it while it samples; {memory.ALLOWANCE / GIB:g} GiB for CUDA and fragments",
        f"passes reach {duration.TRAINING_SHARE:.0%} of the GPU's matrix rate, sampling {duration.DECODING_SHARE:.0%} "
        "of its bandwidth; grading, loading and the journal are not counted",
    ]


def _refusal(config: RunConfig, parts: Parts, need: Memory, gpu: str, limit: float) -> str:
    items = {name: size for part in (need.always, need.sampling, need.training) for name, size in part.items()}
    largest = sorted(items, key=lambda name: -items[name])[:4]
    told = ", ".join(f"{name} {items[name] / GIB:.0f}" for name in largest)
    ways = []
    if not config.policy.lora:
        ways.append("policy.lora.rank=32")
    if not config.policy.gradient_checkpointing and "activations" in largest:
        ways.append("policy.gradient_checkpointing=true")
    if config.optimizer.kind == "adamw" and "optimiser" in largest:
        ways.append("optimizer.kind=adamw_8bit")
    if "keys and values" in largest:
        ways.append("a smaller compute.kv_cache_gib")
    if config.compute.micro_batch_tokens == tokens_at_once(config) and "activations" in largest:
        ways.append("a smaller compute.micro_batch_tokens")
    return (
        f"{config.suite}, {config.objective.name}: {need.peak / GIB:.1f} GiB at the peak, and the {gpu} has {limit:g} "
        f"({told}); try --set {', '.join(ways) or 'a smaller rollout.group_size or rollout.max_tokens'}"
    )
