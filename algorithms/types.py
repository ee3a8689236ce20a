"""What an objective sees and what it returns.

Shape letters, everywhere in this package:
    P  prompts of a batch
    G  completions of one prompt, its *group*
    B  completions of a batch, B = P * G; whole groups only
    T  completion tokens, padded
"""

from collections.abc import Mapping, Sequence
from dataclasses import Field, dataclass, field, fields
from typing import Any, ClassVar, Literal, Protocol, runtime_checkable

from torch import Tensor

from algorithms.scores import Scores


@dataclass(frozen=True, kw_only=True, slots=True)
class Denominators:
    """Counts and means over the whole optimiser step, of which a batch may be one micro-batch.

    Every mean in an objective divides by one of these, so that splitting a step changes nothing.
    """

    sequences: int
    """Completions of the step, those without any gradient included."""
    tokens: int
    """Sampled tokens of the step."""
    groups: int
    """Prompts of the step."""
    max_tokens: int
    """Length limit of a completion, for objectives that divide by a constant length."""
    reward_mean: float
    """Mean reward of the step's completions, for baselines over the whole step."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch(Scores):
    """Completions with their rewards, and of the scores those that the objective requires."""

    mask: Tensor
    """[B, T] bool, true on sampled tokens, a sampled end-of-sequence token included."""
    rewards: Tensor
    """[B] verifiable reward."""
    group: Tensor
    """[B] int64, index of the prompt, from 0."""
    truncated: Tensor
    """[B] bool, cut at the length limit."""
    denominators: Denominators
    totals: Mapping[str, Tensor] = field(default_factory=dict)
    """What the objective's ``totals`` returned, summed over the optimiser step, or what its ``overview`` did."""
    state: Mapping[str, float] = field(default_factory=dict)
    """What the objective's ``carry`` returned after the step before; empty at the first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PolicyOutput:
    """What the policy in training says of a batch; carries gradients."""

    logp: Tensor
    """[B, T] log-probability of each sampled token."""
    values: Tensor | None = None
    """[B, T] the critic's value of the state before each token, where the objective requires it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LossOutput:
    """A loss and its metrics, each already divided by a global denominator: micro-batches add up."""

    loss: Tensor
    """[] scalar with gradient."""
    metrics: Mapping[str, Tensor] = field(default_factory=dict)
    """Detached scalars; the step's value is their sum over micro-batches, or the largest if a name ends in ``_max``."""


Family = Literal["policy gradient", "clipped", "regression", "preference", "constrained"]
"""What kind of loss an objective is. ``policy gradient``: advantages times log-probabilities. ``clipped``: the same
with a ratio to the behaviour policy that is clipped, capped or masked. ``regression``: squared errors of log-ratios.
``preference``: comparisons of two completions. ``constrained``: another objective under a limit."""


class Objective(Protocol):
    """A fine-tuning objective: a frozen dataclass whose fields are its hyperparameters.

    One that sets some of another's fixes them: ``beta: float = field(default=0.0, init=False)`` is none of its own.
    """

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    @property
    def requires(self) -> frozenset[str]:
        """What the harness must compute, and charges: names of :data:`algorithms.scores.COMPUTED`; and "group" where
        a prompt needs at least two completions.

        A ClassVar where it is fixed, a property where it depends on a field: ask an instance.
        """
        ...

    def loss(self, policy: PolicyOutput, batch: Batch) -> LossOutput:
        """The loss of one micro-batch, normalised by ``batch.denominators``."""
        ...


class BuiltIn(Objective, Protocol):
    """An objective of this package, which also says what kind it is."""

    family: ClassVar[Family]


def hyperparameters(objective: Objective | type[Objective]) -> dict[str, Field[Any]]:
    """The fields of an objective that can be set, by name."""
    return {field.name: field for field in fields(objective) if field.init}


@runtime_checkable
class HasTotals(Protocol):
    """An objective whose loss needs sums over the whole optimiser step, such as a mean over its tokens."""

    def totals(self, batch: Batch) -> Mapping[str, Tensor]:
        """Detached sums over one micro-batch, from the batch alone; added up, they become ``batch.totals``."""
        ...


@runtime_checkable
class HasOverview(Protocol):
    """An objective whose loss needs more of the optimiser step than sums, such as the order of all its tokens."""

    @property
    def reads_scores(self) -> bool:
        """Whether ``overview`` reads scores: these must then be there before the first loss of the step."""
        ...

    def overview(self, parts: Sequence[Batch]) -> Mapping[str, Tensor]:
        """Detached tensors from all micro-batches of the step, however it is cut; they become ``batch.totals``."""
        ...


@runtime_checkable
class HasState(Protocol):
    """An objective with a number that outlives a step, such as a Lagrange multiplier."""

    def carry(self, state: Mapping[str, float], totals: Mapping[str, float]) -> Mapping[str, float]:
        """The state after an optimiser step, from the one before it and those of the step's ``totals`` that are
        scalars."""
        ...
