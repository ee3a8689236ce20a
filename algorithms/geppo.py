"""GEPPO: PPO for completions of older policies, with the clip centred at the policy before the update."""

from dataclasses import dataclass

from torch import Tensor

from algorithms.checks import present
from algorithms.ops import token_log_ratio
from algorithms.ppo import PPO
from algorithms.types import Batch


@dataclass(frozen=True, kw_only=True)
class GEPPO(PPO):
    """Generalised PPO with sample reuse: the clip limits the update, not the distance to the behaviour policy.

    This is PPO with ``clip(rho, rho_k - eps, rho_k + eps)``, where ``rho = pi / mu`` and ``rho_k = pi_k / mu`` for each
    token, and ``pi_k`` is the policy before the first update on this batch. Advantages are those of ``pi_k``, so the KL
    in the token rewards is that of ``pi_k``. On fresh completions ``rho_k`` is 1, and this is PPO. The regime of the
    run determines which older policies sampled the completions. The paper's V-trace correction of the advantages and
    its adaptive learning rate are left out.

    Source: Queeney, Paschalidis, Cassandras 2021, arXiv 2111.00072.
    """

    clip: float = 0.1
    """The ratio is clipped to this distance from ``rho_k``. It is smaller than PPO's, because changes accumulate."""

    @property
    def requires(self) -> frozenset[str]:
        """The requirements of PPO, and log-probabilities of the policy before the update."""
        return super().requires | {"start_logp"}

    def judged_logp(self, batch: Batch) -> Tensor:
        """Log-probabilities [B, T] of the policy whose advantages are estimated: ``pi_k``."""
        return present("start_logp", batch.start_logp)

    def centre(self, batch: Batch) -> Tensor:
        """``rho_k`` of each token, [B, T]."""
        start_logp, old_logp = present("start_logp", batch.start_logp), present("old_logp", batch.old_logp)
        return token_log_ratio(start_logp, old_logp, batch.mask).exp()
