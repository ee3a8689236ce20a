"""What an objective sees and what it returns.

Shape letters, everywhere in this package:
    P  prompts of a batch
    G  completions of one prompt, its *group*
    B  completions of a batch, B = P * G; whole groups only
    T  completion tokens, padded
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from torch import Tensor


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
class Batch:
    """Completions with their rewards. All log-probabilities are of the sampled tokens, in nats."""

    mask: Tensor
    """[B, T] bool, true on sampled tokens, a sampled end-of-sequence token included."""
    rewards: Tensor
    """[B] verifiable reward."""
    group: Tensor
    """[B] int64, index of the prompt, from 0."""
    truncated: Tensor
    """[B] bool, cut at the length limit."""
    denominators: Denominators
    old_logp: Tensor | None = None
    """[B, T] under the behaviour policy that sampled the completion."""
    ref_logp: Tensor | None = None
    """[B, T] under the frozen reference."""
    old_values: Tensor | None = None
    """[B, T] the critic's values when the completion was sampled."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PolicyOutput:
    """What the policy in training says of a batch; carries gradients."""

    logp: Tensor
    """[B, T] log-probability of each sampled token."""
    values: Tensor | None = None
    """[B, T] the critic's values, where the objective requires them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LossOutput:
    """A loss and its metrics, each already divided by a global denominator: micro-batches add up."""

    loss: Tensor
    """[] scalar with gradient."""
    metrics: Mapping[str, Tensor] = field(default_factory=dict)
    """Detached scalars; the step's value is the sum over micro-batches."""


class Objective(Protocol):
    """A fine-tuning objective: a frozen dataclass whose fields are its hyperparameters."""

    @property
    def requires(self) -> frozenset[str]:
        """What the harness must compute, and charges: of "ref_logp", "old_logp", "values"; and "group" where
        a prompt needs at least two completions.

        A ClassVar where it is fixed, a property where it depends on a field: ask an instance.
        """
        ...

    def loss(self, policy: PolicyOutput, batch: Batch) -> LossOutput:
        """The loss of one micro-batch, normalised by ``batch.denominators``."""
        ...
