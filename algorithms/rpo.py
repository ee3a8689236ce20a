"""RPO: DPO that keeps the better completion likely."""

from dataclasses import dataclass, field

from algorithms.checks import not_negative
from algorithms.dpo import DPO
from algorithms.ops import masked_sum
from algorithms.pairs import pair_weights
from algorithms.types import Batch, LossOutput, PolicyOutput


@dataclass(frozen=True, kw_only=True)
class RPO(DPO):
    """Regularised preference optimisation: DPO plus supervised fine-tuning on the better completion.

    The loss is ``DPO + eta * -l_w / len_w``, with the mean over the same pairs. DPO alone may lower the likelihood of
    both completions of a pair. The metrics are those of DPO and ``chosen_nll``, the added term without ``eta``, in nats
    per token.

    The authors' code has two forms: the mean over tokens with ``eta = 0.2``, as here, and the sum with ``eta = 0.005``.
    The mean with 0.005 would hardly differ from DPO: the term would contribute 0.4 % of the gradient.

    Source: Liu et al. 2024, arXiv 2405.16436, algorithm 2.
    """

    eta: float = 0.2
    """Weight of the length-normalised negative log-likelihood of the better completion."""
    label_smoothing: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        not_negative("eta", self.eta)

    def loss(self, policy: PolicyOutput, batch: Batch) -> LossOutput:
        """The loss of one micro-batch. Raises ValueError if a prompt has a single completion."""
        output = super().loss(policy, batch)
        chosen = pair_weights(batch, self.pairing).sum(1)  # [B] the share of its prompt's pairs that a completion wins
        token_nll = -masked_sum(policy.logp, batch.mask) / batch.mask.sum(-1).clamp(min=1)
        nll = (chosen * token_nll).sum() / batch.denominators.groups
        return LossOutput(loss=output.loss + self.eta * nll, metrics={**output.metrics, "chosen_nll": nll.detach()})
