"""The largest differences between log-probabilities of engine and trainer that rounding can explain."""

import math
from collections.abc import Mapping

from harness.config.run_config import RunConfig

BOUNDS = {"float32": ("engine/logp_gap_max", 0.01), "bfloat16": ("engine/logp_gap_mean", 0.15)}
"""For each precision of the passes, a metric of a step and its bound in nats per token.

In 180 runs in float32, no token differed by more than 1.2e-4 nats. In bfloat16 single tokens differ by up to 0.7 nats,
and the mean of a step by 0.02 to 0.04. A wrong mask, position or weight causes differences of whole nats.
"""


def unexplained(config: RunConfig, metrics: Mapping[str, float | None]) -> str | None:
    """A sentence if engine and trainer differ by more than their precision explains in this step, otherwise None."""
    name, bound = BOUNDS[config.model.dtype]
    gap = metrics.get(name)
    if gap is None or not math.isfinite(gap) or gap <= bound / min(1.0, config.rollout.temperature):
        return None  # a value that is not finite means divergence, not an error of the engine
    how = f"by up to {gap:.2g} nats per token" if name.endswith("_max") else f"by {gap:.2g} nats per token on average"
    return (
        f"the log-probabilities of engine {config.compute.engine} and trainer differ {how}, which "
        f"{config.model.dtype} does not explain"
    )
