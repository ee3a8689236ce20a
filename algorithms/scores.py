"""What is computed of completions because an objective requires it. Each quantity is declared here, and only here."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Annotated, Final, Literal, get_type_hints

from torch import Tensor

Source = Literal["reference", "behaviour", "start", "current", "mismatched", "samples", "critic", "seed"]
"""Where a score comes from. ``reference``: the frozen reference's log-probabilities. ``behaviour``: those of the policy
that sampled the completion. ``start``: those of the policy before the first update on a rollout batch. ``current``:
those of the policy before each update. ``mismatched``: what policy and reference say of each prompt with a completion
of another prompt, before the first update. ``samples``: what further completions of the reference earn. ``critic``: its
values before that update. ``seed``: the run's own random numbers, which cost nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Score:
    """Marks a field of :class:`Scores`."""

    source: Source
    """Which pass computes it; the harness charges that pass."""
    tokens: bool = True
    """Whether its second dimension, where it has one, is tokens."""
    required_as: str = ""
    """What an objective requires it by; empty for the field's own name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Scores:
    """Of B completions of up to T tokens. All log-probabilities are of the sampled tokens, in nats."""

    ref_logp: Annotated[Tensor | None, Score(source="reference")] = None
    """[B, T] under the frozen reference."""
    old_logp: Annotated[Tensor | None, Score(source="behaviour")] = None
    """[B, T] under the behaviour policy that sampled the completion."""
    start_logp: Annotated[Tensor | None, Score(source="start")] = None
    """[B, T] under the policy as it was before the first update on this rollout batch. It differs from
    ``old_logp`` where the completions are older than that."""
    current_logp: Annotated[Tensor | None, Score(source="current")] = None
    """[B, T] under the policy as it is before this update, for an objective that wants it of the whole step before the
    first loss. It differs from ``start_logp`` from the second update on a rollout batch on."""
    mismatched_log_ratio: Annotated[Tensor | None, Score(source="mismatched")] = None
    """[B] ``l - ref_l`` of a completion of another prompt behind this one's prompt, in nats: ``l`` under the policy as
    it was before the first update on this rollout batch, whose next prompt the completion is of."""
    ref_rewards: Annotated[Tensor | None, Score(source="samples", tokens=False)] = None
    """[B, N] rewards of N completions of the reference, sampled of each one's prompt for this alone; the same for all
    completions of a prompt."""
    old_values: Annotated[Tensor | None, Score(source="critic", required_as="values")] = None
    """[B, T] the critic's value of the state *before* each token, before the first update on this batch."""
    draws: Annotated[Tensor | None, Score(source="seed")] = None
    """[B] uniform in [0, 1), from the run's own seed, for an objective that chooses at random."""

    def given(self) -> dict[str, Tensor]:
        """Those that are there, by name."""
        every = {name: getattr(self, name) for name in SCORES}
        return {name: tensor for name, tensor in every.items() if tensor is not None}


SCORES: Final[Mapping[str, Score]] = {
    name: hint.__metadata__[0] for name, hint in get_type_hints(Scores, include_extras=True).items()
}
"""How each field of :class:`Scores` comes about."""

COMPUTED: Final = frozenset({score.required_as or name for name, score in SCORES.items()} | {"group"})
"""What an objective may require; "group" is no quantity: it says that a prompt needs at least two completions."""


def scores_for(requires: Collection[str]) -> list[str]:
    """The fields of :class:`Scores` that these requirements fill."""
    return [name for name, score in SCORES.items() if (score.required_as or name) in requires]
