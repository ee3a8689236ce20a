"""The inputs and outputs of objectives.

Shape letters in this package:
    P  prompts of a batch
    G  completions of one prompt, its *group*
    B  completions of a batch, B = P * G; a batch has only whole groups
    T  completion tokens, padded
"""

from collections.abc import Mapping, Sequence
from dataclasses import Field, dataclass, field, fields
from typing import Any, ClassVar, Literal, Protocol, runtime_checkable

from torch import Tensor

from algorithms.scores import Scores


@dataclass(frozen=True, kw_only=True, slots=True)
class Denominators:
    """Counts and means over the whole optimiser step. A batch may be one micro-batch of the step.

    Every mean in an objective divides by one of these, so that splitting a step does not change the result.
    """

    sequences: int
    """Completions of the step, including those without any gradient."""
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
    """Completions with their rewards and with the scores that the objective requires."""

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
    """The results of the objective's ``totals``, summed over the optimiser step, or of its ``overview``."""
    state: Mapping[str, float] = field(default_factory=dict)
    """The result of the objective's ``carry`` after the previous step. Empty in the first step."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PolicyOutput:
    """The output of the policy in training for a batch, with gradients."""

    logp: Tensor
    """[B, T] log-probability of each sampled token."""
    values: Tensor | None = None
    """[B, T] the critic's value of the state before each token, if the objective requires it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LossOutput:
    """A loss and its metrics. Each is already divided by a global denominator, so that micro-batches add up."""

    loss: Tensor
    """[] scalar with gradient."""
    metrics: Mapping[str, Tensor] = field(default_factory=dict)
    """Detached scalars; the step's value is their sum over micro-batches, or the largest if a name ends in ``_max``."""


Family = Literal["policy gradient", "clipped", "regression", "preference", "constrained"]
"""The kind of an objective's loss. ``policy gradient``: advantages times log-probabilities. ``clipped``: the same, with
a clipped, capped or masked ratio to the behaviour policy. ``regression``: squared errors of log-ratios. ``preference``:
comparisons of two completions. ``constrained``: another objective with a constraint."""


class Objective(Protocol):
    """A fine-tuning objective: a frozen dataclass whose fields are its hyperparameters.

    A subclass can fix a field of its base: ``beta: float = field(default=0.0, init=False)`` is not a hyperparameter.
    """

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    @property
    def requires(self) -> frozenset[str]:
        """The quantities that the harness must compute for this objective, and for which it is charged.

        These are names of :data:`algorithms.scores.COMPUTED`, with "group" if a prompt needs at least two completions.
        This is a ClassVar if it is fixed, and a property if it depends on a field. So read it from an instance.
        """
        ...

    def loss(self, policy: PolicyOutput, batch: Batch) -> LossOutput:
        """The loss of one micro-batch, normalised by ``batch.denominators``."""
        ...


class BuiltIn(Objective, Protocol):
    """An objective of this package, which also declares its family."""

    family: ClassVar[Family]


def hyperparameters(objective: Objective | type[Objective]) -> dict[str, Field[Any]]:
    """The fields of an objective that can be set, by name."""
    return {field.name: field for field in fields(objective) if field.init}


@runtime_checkable
class HasTotals(Protocol):
    """An objective whose loss needs sums over the whole optimiser step, such as a mean over its tokens."""

    def totals(self, batch: Batch) -> Mapping[str, Tensor]:
        """Detached sums over one micro-batch, from the batch only. Their sum over the step is ``batch.totals``."""
        ...


@runtime_checkable
class HasOverview(Protocol):
    """An objective whose loss needs more than sums over the optimiser step, such as the order of all its tokens."""

    @property
    def reads_scores(self) -> bool:
        """Whether ``overview`` reads scores. They must then be computed before the first loss of the step."""
        ...

    def overview(self, parts: Sequence[Batch]) -> Mapping[str, Tensor]:
        """Detached tensors from all micro-batches of the step, which become ``batch.totals``.

        They must not depend on how the step is split.
        """
        ...


@runtime_checkable
class HasState(Protocol):
    """An objective with numbers that persist from step to step, such as a Lagrange multiplier."""

    def carry(self, state: Mapping[str, float], totals: Mapping[str, float]) -> Mapping[str, float]:
        """The state after an optimiser step, from the state before it and the scalar ``totals`` of the step."""
        ...
