"""What flows through a run: completions of a prompt, then a graded group of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import ConfigDict, TypeAdapter

from evaluators.grading.grader import Grade
from evaluators.types import Problem
from harness.models.sequences import Sequences


@dataclass(frozen=True, kw_only=True, slots=True)
class Completion:
    """One sampled continuation of a prompt."""

    ids: tuple[int, ...]
    """Sampled tokens, the end-of-sequence token included where it was sampled."""
    logp: tuple[float, ...]
    """Log-probability of each under the distribution it was drawn from, by the engine, in nats."""
    text: str
    """Decoded, without special tokens, cut before a stop string."""
    truncated: bool
    """Cut at the length limit."""
    known: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """What the trainer computed of it, under the names of :class:`algorithms.types.Batch`: a number for each
    token (``ref_logp``, ...) or one alone (``draws``, ...)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """All completions of one prompt; grades and rewards are empty until it is graded."""

    problem: Problem
    prompt_ids: tuple[int, ...]
    completions: tuple[Completion, ...]
    grades: tuple[Grade, ...] = ()
    rewards: tuple[float, ...] = ()


GROUPS = TypeAdapter(list[Group], config=ConfigDict(ser_json_inf_nan="constants"))
"""Groups as JSON and back, number for number."""


def sequences_of(groups: Sequence[Group]) -> Sequences:
    """All completions of the groups with their prompts."""
    return Sequences.of([(group.prompt_ids, c.ids) for group in groups for c in group.completions])


def lengths(groups: Sequence[Group]) -> list[int]:
    """Tokens of each completion with its prompt."""
    return [len(group.prompt_ids) + len(c.ids) for group in groups for c in group.completions]
