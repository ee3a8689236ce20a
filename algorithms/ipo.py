"""IPO: bring the log-ratios of a better and a worse completion a fixed distance apart."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, get_args

from algorithms.checks import one_of, positive
from algorithms.later import LATER
from algorithms.pairs import Pairing, pair_margins, pair_mean, pair_metrics, pair_requires, pair_weights
from algorithms.types import Batch, Family, LossOutput, PolicyOutput


@dataclass(frozen=True, kw_only=True)
class IPO:
    """Identity preference optimisation: a squared loss with a finite target, where DPO's is infinite.

    ``(h - 1 / (2 beta))^2`` with ``h``, pairs, denominators and metrics as in DPO. Where the rewards of
    two completions differ by 1/2, ``beta^2 / 4`` times it is AGRO's variance. The log-ratios are sums over tokens, as
    in the paper; TRL takes their means, so that its ``beta`` is in reward per nat of a token: ``normalise_length``.

    Source: Azar et al. 2023, arXiv 2310.12036, equation 17.
    """

    family: ClassVar[Family] = "preference"

    beta: float = 0.1
    """Strength of the regulariser: a pair's log-ratios are brought ``1 / (2 beta)`` nats apart."""
    pairing: Pairing = "all"
    """Which pairs of a prompt: all with different rewards, those of its highest with its lowest reward
    (the same where there are but two), or one at random."""

    normalise_length: Annotated[bool, LATER] = False
    """Whether a completion's log-ratio is the mean over its tokens, as in TRL, not their sum."""

    def __post_init__(self) -> None:
        positive("beta", self.beta)
        one_of("pairing", self.pairing, get_args(Pairing))
        one_of("normalise_length", self.normalise_length, (True, False))

    @property
    def requires(self) -> frozenset[str]:
        """The reference and a group; draws for a random pair."""
        return pair_requires(self.pairing)

    def loss(self, policy: PolicyOutput, batch: Batch) -> LossOutput:
        """The loss of one micro-batch; raises ValueError where a prompt has a single completion."""
        weights = pair_weights(batch, self.pairing)
        margins = pair_margins(policy.logp, batch, self.normalise_length)
        loss = pair_mean((margins - 1 / (2 * self.beta)) ** 2, weights, batch)
        return LossOutput(loss=loss, metrics=pair_metrics(self.beta * margins, weights, batch))
