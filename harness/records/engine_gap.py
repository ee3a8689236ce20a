"""How far the engine's log-probabilities may be from the trainer's before something other than rounding is at work."""

import math
from collections.abc import Mapping

from harness.config.run_config import RunConfig

BOUNDS = {"float32": ("engine/logp_gap_max", 0.01), "bfloat16": ("engine/logp_gap_mean", 0.15)}
"""By the precision of the passes: a metric of a step, and nats per token that it explains.

In 180 runs in float32 no token was more than 1.2e-4 nats off. In bfloat16 single tokens are, by up to 0.7; the mean of
a step is 0.02 to 0.04. A wrong mask, position or weight costs whole nats.
"""


def unexplained(config: RunConfig, metrics: Mapping[str, float | None]) -> str | None:
    """What is wrong with a step whose engine and trainer differ by more than their precision explains, if they do."""
    name, bound = BOUNDS[config.model.dtype]
    gap = metrics.get(name)
    if gap is None or not math.isfinite(gap) or gap <= bound / min(1.0, config.rollout.temperature):
        return None  # what is not finite has diverged, which is no engine's fault
    how = f"by up to {gap:.2g} nats a token" if name.endswith("_max") else f"by {gap:.2g} nats a token on average"
    return (
        f"the log-probabilities of engine {config.compute.engine} and trainer differ {how}, which "
        f"{config.model.dtype} does not explain"
    )
