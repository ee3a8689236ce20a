"""GEPPO: PPO's clip centred where the update began, for completions of older policies."""

from dataclasses import dataclass

from torch import Tensor

from algorithms.checks import present
from algorithms.ops import token_log_ratio
from algorithms.ppo import PPO
from algorithms.types import Batch


@dataclass(frozen=True, kw_only=True)
class GEPPO(PPO):
    """Generalised PPO with sample reuse: the clip limits the step, not the distance to the behaviour.

    PPO with ``clip(rho, rho_k - eps, rho_k + eps)``, ``rho = pi / mu`` and ``rho_k = pi_k / mu`` for each
    token, ``pi_k`` the policy before the first update on this batch. Advantages are those of ``pi_k``, so the
    KL in the token rewards is ``pi_k``'s. On fresh completions ``rho_k`` is 1 and it is PPO. Which older
    policies the completions are of is set by the run's regime. Left out of the paper: its V-trace correction
    of the advantages and its adaptive learning rate.

    Source: Queeney, Paschalidis, Cassandras 2021, arXiv 2111.00072.
    """

    clip: float = 0.1
    """The ratio is clipped to within this of ``rho_k``; smaller than PPO's, as older data adds up."""

    @property
    def requires(self) -> frozenset[str]:
        """What PPO does, and the policy before the update."""
        return super().requires | {"start_logp"}

    def judged_logp(self, batch: Batch) -> Tensor:
        """Log-probabilities [B, T] of the policy whose advantages are estimated: ``pi_k``."""
        return present("start_logp", batch.start_logp)

    def centre(self, batch: Batch) -> Tensor:
        """``rho_k`` of each token, [B, T]."""
        start_logp, old_logp = present("start_logp", batch.start_logp), present("old_logp", batch.old_logp)
        return token_log_ratio(start_logp, old_logp, batch.mask).exp()
