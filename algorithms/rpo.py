"""RPO: DPO that keeps the better completion likely."""

from dataclasses import dataclass

from algorithms.checks import not_negative
from algorithms.dpo import DPO
from algorithms.ops import masked_sum
from algorithms.pairs import Pairing, pair_requires, pair_weights
from algorithms.types import Batch, LossOutput, PolicyOutput


@dataclass(frozen=True, kw_only=True, slots=True)
class RPO:
    """Regularised preference optimisation: DPO plus supervised fine-tuning on the better completion.

    ``DPO + eta * -l_w / len_w``, the mean over the same pairs: DPO alone may lower the likelihood of both
    completions of a pair. Metrics are DPO's and ``chosen_nll``, the term without ``eta``, in nats per token.

    Source: Liu et al. 2024, arXiv 2405.16436, algorithm 2.
    """

    beta: float = 0.1
    """Strength of the KL regulariser, in reward per nat of sequence log-ratio."""
    eta: float = 0.005
    """Weight of the length-normalised negative log-likelihood of the better completion."""
    pairing: Pairing = "all"
    """Which pairs of a prompt: all with different rewards, those of its highest with its lowest reward
    (the same where there are but two), or one at random."""

    def __post_init__(self) -> None:
        not_negative("eta", self.eta)
        self._dpo()  # checks the other fields

    @property
    def requires(self) -> frozenset[str]:
        """The reference and a group; draws for a random pair."""
        return pair_requires(self.pairing)

    def loss(self, policy: PolicyOutput, batch: Batch) -> LossOutput:
        """The loss of one micro-batch; raises ValueError where a prompt has a single completion."""
        output = self._dpo().loss(policy, batch)
        chosen = pair_weights(batch, self.pairing).sum(1)  # [B] share of its prompt's pairs that it wins
        token_nll = -masked_sum(policy.logp, batch.mask) / batch.mask.sum(-1).clamp(min=1)
        nll = (chosen * token_nll).sum() / batch.denominators.groups
        return LossOutput(loss=output.loss + self.eta * nll, metrics={**output.metrics, "chosen_nll": nll.detach()})

    def _dpo(self) -> DPO:
        return DPO(beta=self.beta, pairing=self.pairing)
