"""DAPO: GRPO with a higher upper clip and equal weights for all tokens."""

from dataclasses import dataclass, field

from algorithms.grpo import GRPO, Aggregate


@dataclass(frozen=True, kw_only=True)
class DAPO(GRPO):
    """Decoupled clip: GRPO with a higher upper bound, a mean over tokens, and no KL to the reference.

    Equation 8 averages over the tokens of a prompt's group, then over prompts. Here, as in the paper's own code (verl's
    ``token-mean``), all tokens of the step have the same weight, so prompts with longer completions have more weight.

    Two other parts of DAPO are not part of the objective, so they are left out: sampling until no group is tied, and
    length penalties near the limit. Metrics are as in GRPO.

    Source: Yu et al. 2025, arXiv 2503.14476, equation 8.
    """

    clip_high: float = 0.28
    normalise_std: bool = field(default=True, init=False)
    beta_kl: float = field(default=0.0, init=False)
    aggregate: Aggregate = field(default="token_mean", init=False)
    delta: float = field(default=0.0, init=False)
