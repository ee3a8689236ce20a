"""Where completions are sampled: the protocol and its engines."""

from collections.abc import Callable

from harness.config import ComputeSettings
from harness.errors import HarnessError
from harness.policy import Policy
from harness.rollout.engine import RolloutEngine
from harness.rollout.transformers_engine import TransformersEngine

ENGINES: dict[str, Callable[[Policy, ComputeSettings], RolloutEngine]] = {
    "transformers": lambda policy, compute: TransformersEngine(policy, sample_batch=compute.sample_batch),
}


def make_engine(policy: Policy, compute: ComputeSettings) -> RolloutEngine:
    """The engine that ``compute`` names; ``auto`` is the transformers engine, the only one so far."""
    name = "transformers" if compute.engine == "auto" else compute.engine
    if name not in ENGINES:
        raise HarnessError(f"no engine {name!r}; known: {', '.join(ENGINES)}")
    return ENGINES[name](policy, compute)
