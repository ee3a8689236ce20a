"""IPO: regression of the difference of two completions' log-ratios to a fixed target."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, get_args

from algorithms.checks import one_of, positive
from algorithms.later import LATER
from algorithms.pairs import Pairing, pair_margins, pair_mean, pair_metrics, pair_requires, pair_weights
from algorithms.types import Batch, Family, LossOutput, PolicyOutput


@dataclass(frozen=True, kw_only=True)
class IPO:
    """Identity preference optimisation: a squared loss with a finite target, unlike DPO, whose target is infinite.

    The loss is ``(h - 1 / (2 beta))^2`` with ``h``, pairs, denominators and metrics as in DPO. If the rewards of two
    completions differ by 1/2, ``beta^2 / 4`` times this loss is AGRO's variance. Log-ratios are sums over tokens, as in
    the paper. TRL uses means over tokens, so its ``beta`` is in reward per nat of a token: see ``normalise_length``.

    Source: Azar et al. 2023, arXiv 2310.12036, equation 17.
    """

    family: ClassVar[Family] = "preference"

    beta: float = 0.1
    """Strength of the regulariser. The target for the log-ratios of a pair is a difference of ``1 / (2 beta)`` nats."""
    pairing: Pairing = "all"
    """The pairs of a prompt: "all" with different rewards, "best_vs_worst" for its highest with its lowest reward (the
    same if there are only two rewards), or one pair at "random"."""

    normalise_length: Annotated[bool, LATER] = False
    """Whether a completion's log-ratio is the mean over its tokens, as in TRL, instead of the sum."""

    def __post_init__(self) -> None:
        positive("beta", self.beta)
        one_of("pairing", self.pairing, get_args(Pairing))
        one_of("normalise_length", self.normalise_length, (True, False))

    @property
    def requires(self) -> frozenset[str]:
        """The reference and a group; draws for a random pair."""
        return pair_requires(self.pairing)

    def loss(self, policy: PolicyOutput, batch: Batch) -> LossOutput:
        """The loss of one micro-batch. Raises ValueError if a prompt has a single completion."""
        weights = pair_weights(batch, self.pairing)
        margins = pair_margins(policy.logp, batch, self.normalise_length)
        loss = pair_mean((margins - 1 / (2 * self.beta)) ** 2, weights, batch)
        return LossOutput(loss=loss, metrics=pair_metrics(self.beta * margins, weights, batch))
