"""The quantities that the harness computes because an objective requires them. All are declared here."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Annotated, Final, Literal, get_type_hints

from torch import Tensor

Source = Literal["reference", "behaviour", "start", "current", "mismatched", "samples", "critic", "seed"]
"""The source of a score.

- ``reference``: log-probabilities of the frozen reference.
- ``behaviour``: log-probabilities of the policy that sampled the completion.
- ``start``: log-probabilities of the policy before the first update on a rollout batch.
- ``current``: log-probabilities of the policy before each update.
- ``mismatched``: log-probabilities of policy and reference for each prompt with a completion of another prompt, before
  the first update.
- ``samples``: rewards of additional completions that the reference samples.
- ``critic``: values of the critic before the first update.
- ``seed``: random numbers of the run, which cost nothing.
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Score:
    """The declaration of a field of :class:`Scores`."""

    source: Source
    """The pass that computes the score. The objective is charged for this pass."""
    tokens: bool = True
    """Whether the second dimension, if there is one, is tokens."""
    required_as: str = ""
    """The name by which an objective requires the score. Empty if it is the name of the field."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Scores:
    """Scores of B completions with up to T tokens. All log-probabilities are those of the sampled tokens, in nats."""

    ref_logp: Annotated[Tensor | None, Score(source="reference")] = None
    """[B, T] log-probabilities under the frozen reference."""
    old_logp: Annotated[Tensor | None, Score(source="behaviour")] = None
    """[B, T] log-probabilities under the behaviour policy, which sampled the completion."""
    start_logp: Annotated[Tensor | None, Score(source="start")] = None
    """[B, T] log-probabilities under the policy before the first update on this rollout batch. They differ from
    ``old_logp`` if the completions are older than that policy."""
    current_logp: Annotated[Tensor | None, Score(source="current")] = None
    """[B, T] log-probabilities under the policy before this update, for objectives that need them for the whole step
    before the first loss. They differ from ``start_logp`` after the first update on a rollout batch."""
    mismatched_log_ratio: Annotated[Tensor | None, Score(source="mismatched")] = None
    """[B] ``l - ref_l`` in nats for this prompt, followed by a completion of the next prompt of the rollout batch.
    ``l`` is that of the policy before the first update on this batch."""
    ref_rewards: Annotated[Tensor | None, Score(source="samples", tokens=False)] = None
    """[B, N] rewards of N completions that the reference samples for each prompt, only for this purpose. They are the
    same for all completions of a prompt."""
    old_values: Annotated[Tensor | None, Score(source="critic", required_as="values")] = None
    """[B, T] the critic's value of the state *before* each token, before the first update on this batch."""
    draws: Annotated[Tensor | None, Score(source="seed")] = None
    """[B] uniform random numbers in [0, 1) from the seed of the run, for objectives that choose at random."""

    def given(self) -> dict[str, Tensor]:
        """The scores that are present, by name."""
        every = {name: getattr(self, name) for name in SCORES}
        return {name: tensor for name, tensor in every.items() if tensor is not None}


SCORES: Final[Mapping[str, Score]] = {
    name: hint.__metadata__[0] for name, hint in get_type_hints(Scores, include_extras=True).items()
}
"""The declaration of each field of :class:`Scores`."""

COMPUTED: Final = frozenset({score.required_as or name for name, score in SCORES.items()} | {"group"})
"""The names that an objective may require. "group" is not a score: it means that a prompt needs two completions or
more."""


def scores_for(requires: Collection[str]) -> list[str]:
    """The fields of :class:`Scores` that these requirements fill."""
    return [name for name, score in SCORES.items() if (score.required_as or name) in requires]
