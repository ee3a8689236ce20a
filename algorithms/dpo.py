"""DPO: a classification of which of two completions is better, by their log-ratios to the reference."""

from dataclasses import dataclass
from typing import ClassVar, get_args

from torch.nn.functional import logsigmoid

from algorithms.checks import below_half, one_of, positive
from algorithms.pairs import Pairing, pair_margins, pair_mean, pair_metrics, pair_requires, pair_weights
from algorithms.types import Batch, Family, LossOutput, PolicyOutput


@dataclass(frozen=True, kw_only=True)
class DPO:
    """Direct preference optimisation: a logistic loss on pairs of a better and a worse completion.

    The loss is ``-log sigmoid(beta h)`` with ``h = (l_w - ref_l_w) - (l_l - ref_l_l)``, for pairs of completions of one
    prompt with different rewards. It is averaged over the pairs of a prompt, then over the prompts of the step. Tied
    prompts have no pairs and no gradient, but count in the denominator.

    The metrics are means over prompts: ``pairs``, ``tied_groups``, ``margin`` (``beta h``), and ``pair_accuracy`` (the
    share of positive margins). A tied prompt contributes 0 to the last two.

    Source: Rafailov et al. 2023, arXiv 2305.18290, equation 7.
    """

    family: ClassVar[Family] = "preference"

    beta: float = 0.1
    """Strength of the KL regulariser, in reward per nat of sequence log-ratio."""
    pairing: Pairing = "all"
    """The pairs of a prompt: "all" with different rewards, "best_vs_worst" for its highest with its lowest reward (the
    same if there are only two rewards), or one pair at "random"."""
    label_smoothing: float = 0.0
    """The assumed share of pairs with a wrong label, below 0.5."""

    def __post_init__(self) -> None:
        positive("beta", self.beta)
        one_of("pairing", self.pairing, get_args(Pairing))
        below_half("label_smoothing", self.label_smoothing)

    @property
    def requires(self) -> frozenset[str]:
        """The reference and a group; draws for a random pair."""
        return pair_requires(self.pairing)

    def loss(self, policy: PolicyOutput, batch: Batch) -> LossOutput:
        """The loss of one micro-batch. Raises ValueError if a prompt has a single completion."""
        weights = pair_weights(batch, self.pairing)
        margins = self.beta * pair_margins(policy.logp, batch)
        losses = -(1 - self.label_smoothing) * logsigmoid(margins) - self.label_smoothing * logsigmoid(-margins)
        return LossOutput(loss=pair_mean(losses, weights, batch), metrics=pair_metrics(margins, weights, batch))
