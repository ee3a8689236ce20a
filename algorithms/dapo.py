"""DAPO: GRPO with more room above the clip and all tokens alike."""

from dataclasses import dataclass, field

from algorithms.grpo import GRPO, Aggregate


@dataclass(frozen=True, kw_only=True)
class DAPO(GRPO):
    """Decoupled clip: GRPO with a higher upper bound, a mean over tokens, and no KL to the reference.

    Equation 8 averages over the tokens of a prompt's group, then over prompts. Here, as in the paper's own code (verl's
    ``token-mean``), all tokens of the step count alike, so that a prompt weighs by the length of its completions.

    Its other two parts are not the objective's and are left out: sampling until no group is tied, and
    rewards shaped by length near the limit. Metrics as in GRPO.

    Source: Yu et al. 2025, arXiv 2503.14476, equation 8.
    """

    clip_high: float = 0.28
    normalise_std: bool = field(default=True, init=False)
    beta_kl: float = field(default=0.0, init=False)
    aggregate: Aggregate = field(default="token_mean", init=False)
    delta: float = field(default=0.0, init=False)
