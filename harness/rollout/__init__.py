"""Where completions are sampled: the protocol and its engines."""

from collections.abc import Callable

from harness.config import ComputeSettings
from harness.policy import Policy
from harness.rollout.engine import RolloutEngine
from harness.rollout.transformers_engine import TransformersEngine


def _transformers(policy: Policy, compute: ComputeSettings) -> RolloutEngine:
    """Samples with transformers alone, from the live policy itself, on any device."""
    return TransformersEngine(policy, sample_batch=compute.sample_batch)


ENGINES: dict[str, Callable[[Policy, ComputeSettings], RolloutEngine]] = {"transformers": _transformers}


def make_engine(policy: Policy, compute: ComputeSettings) -> RolloutEngine:
    """The engine that ``compute`` names; ``auto`` is the transformers engine, the only one so far."""
    name = "transformers" if compute.engine == "auto" else compute.engine
    return ENGINES[name](policy, compute)
