"""Dr. GRPO: GRPO without its two biases."""

from dataclasses import dataclass, field

from algorithms.grpo import GRPO, Aggregate


@dataclass(frozen=True, kw_only=True)
class DrGRPO(GRPO):
    """GRPO done right: neither divided by the group's standard deviation nor by the completion's length.

    Dividing by the standard deviation favours prompts that are too easy or too hard, dividing by the length
    favours long wrong answers; here each sequence's sum is divided by the length limit. Metrics as in GRPO.

    Source: Liu et al. 2025, arXiv 2503.20783, section 3.
    """

    normalise_std: bool = field(default=False, init=False)
    beta_kl: float = 0.0
    """Strength of the k3 penalty, in advantage per nat of a token; 0, as in the paper, needs no reference."""
    aggregate: Aggregate = field(default="constant", init=False)
    delta: float = field(default=0.0, init=False)
