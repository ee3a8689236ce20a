"""Dr. GRPO: GRPO without its two biases."""

from dataclasses import dataclass, field

from algorithms.grpo import GRPO, Aggregate


@dataclass(frozen=True, kw_only=True)
class DrGRPO(GRPO):
    """GRPO without the division by the group's standard deviation and by the completion's length.

    Dividing by the standard deviation favours prompts that are too easy or too hard. Dividing by the length favours
    long wrong answers. Here the sum over each sequence is divided by the length limit. Metrics are as in GRPO.

    Source: Liu et al. 2025, arXiv 2503.20783, section 3.
    """

    normalise_std: bool = field(default=False, init=False)
    beta_kl: float = 0.0
    """Strength of the k3 penalty, in advantage per nat of a token. 0, the paper's value, needs no reference."""
    aggregate: Aggregate = field(default="constant", init=False)
    delta: float = field(default=0.0, init=False)
