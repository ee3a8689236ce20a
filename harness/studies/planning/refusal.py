"""The sentence on why a run does not fit: the numbers, and settings that would lower the peak."""

from harness.config.run_config import RunConfig
from harness.studies.planning.layout import ALONE, Layout
from harness.studies.planning.memory import GIB, Memory, longest_group

TOLD = 0.05
"""Items with a smaller share of the peak are not mentioned."""
STATE = {"policy", "reference", "optimiser", "gradients", "weights gathered", "gradients not yet summed"}
"""Items that adapters reduce, compared with training all weights."""


def refusal(config: RunConfig, need: Memory, device: str, limit: float, layout: Layout = ALONE) -> str:
    """The sentence for a run that needs more than ``limit`` GiB on a device."""
    held = need.held(need.peak_phase)
    large = [name for name in sorted(held, key=lambda name: -held[name]) if held[name] > TOLD * need.peak]
    told = ", ".join(f"{name} {held[name] / GIB:.0f}" for name in large)
    sets = [f"--set {change}" for change in changes(config, set(large))]
    ways = [*([" ".join(sets)] if sets else []), *(f"a smaller {key}" for key in _smaller(config, set(large)))]
    where = f"the {device} has" if layout.devices == 1 else f"each of {layout.devices} {device} ({layout.parallel}) has"
    return (
        f"{config.suite}, {config.objective.name}: a run needs {need.peak / GIB:.1f} GiB while {need.peak_phase}, but "
        f"{where} {limit:.4g} ({told}); try {', or '.join(ways) or 'a smaller model, or a larger device'}"
    )


def changes(config: RunConfig, large: set[str]) -> list[str]:
    """Settings that would shrink a large item and are not set yet."""
    policy, spares = config.policy, config.optimizer.kind == "adamw" and "optimiser" in large
    candidates = {
        "policy.lora.rank=32": policy.lora is None and bool(large & STATE),
        "policy.gradient_checkpointing=true": policy.gradient_checkpointing is not True and "activations" in large,
        "optimizer.kind=adamw_8bit": spares,
    }
    return [change for change, helps in candidates.items() if helps]


def _smaller(config: RunConfig, large: set[str]) -> list[str]:
    keys = []
    if "keys and values" in large:
        given = config.compute.engine == "vllm" and config.compute.kv_cache_gib is not None
        keys.append("compute.kv_cache_gib" if given else "compute.sample_batch")
    if large & {"activations", "a layer at work"}:
        bound = config.compute.micro_batch_tokens > longest_group(config)
        keys.append("compute.micro_batch_tokens" if bound else "rollout.group_size or rollout.max_tokens")
    return keys
