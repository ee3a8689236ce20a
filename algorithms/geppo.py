"""GEPPO: PPO's clip centred where the update began, for completions of older policies."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from torch import Tensor

from algorithms.checks import present
from algorithms.ops import token_log_ratio
from algorithms.ppo import PPO
from algorithms.types import Batch, LossOutput, PolicyOutput


@dataclass(frozen=True, kw_only=True, slots=True)
class GEPPO:
    """Generalised PPO with sample reuse: the clip limits the step, not the distance to the behaviour.

    PPO with ``clip(rho, rho_k - eps, rho_k + eps)``, ``rho = pi / mu`` and ``rho_k = pi_k / mu`` for each
    token, ``pi_k`` the policy before the first update on this batch. On fresh completions ``rho_k`` is 1
    and it is PPO. Which older policies the completions are of is set by the run's regime. Left out of the
    paper: its V-trace correction of the advantages and its adaptive learning rate.

    Source: Queeney, Paschalidis, Cassandras 2021, arXiv 2111.00072.
    """

    beta: float = 0.05
    """Strength of the KL in the token rewards, in reward per nat; 0 needs no reference."""
    gae_lambda: float = 0.95
    """Decay of the advantage estimates: 1 trusts the rewards alone, 0 the critic's next value."""
    whiten: bool = True
    """Whether advantages are shifted and scaled to mean 0 and variance 1 over the step's tokens."""
    clip: float = 0.1
    """The ratio is clipped to within this of ``rho_k``; smaller than PPO's, as older data adds up."""
    value_clip: float = 0.2
    """The new value counts as at most this far from the old one where that makes the error larger."""
    value_coefficient: float = 0.1
    """Weight of the critic's loss."""

    def __post_init__(self) -> None:
        self._ppo()  # checks the fields

    @property
    def requires(self) -> frozenset[str]:
        """What PPO does, and the policy before the update."""
        return self._ppo().requires | {"start_logp"}

    def totals(self, batch: Batch) -> Mapping[str, Tensor]:
        """PPO's."""
        return self._ppo().totals(batch)

    def loss(self, policy: PolicyOutput, batch: Batch) -> LossOutput:
        """The loss of one micro-batch, policy and critic together."""
        start_logp, old_logp = present("start_logp", batch.start_logp), present("old_logp", batch.old_logp)
        centre = token_log_ratio(start_logp, old_logp, batch.mask).exp()
        return self._ppo().clipped_loss(policy, batch, centre)

    def _ppo(self) -> PPO:
        return PPO(**asdict(self))
