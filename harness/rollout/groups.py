"""Completions and groups: the completions of a prompt, with grades and then with scores."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import cycle, islice
from typing import Annotated, Any

import torch
from pydantic import ConfigDict, PlainSerializer, PlainValidator, TypeAdapter
from torch import Tensor
from torch.nn.functional import pad

from algorithms.scores import SCORES, Scores
from evaluators.grading.grader import Grade
from evaluators.types import Problem
from harness.models.sequences import Sequences


@dataclass(frozen=True, kw_only=True, slots=True)
class Completion:
    """One sampled continuation of a prompt."""

    ids: tuple[int, ...]
    """The sampled tokens, including an end-of-sequence token if it was sampled."""
    logp: tuple[float, ...]
    """The log-probability of each token under the engine's sampling distribution, in nats."""
    text: str
    """The decoded text without special tokens, up to a stop string."""
    truncated: bool
    """Whether the completion was cut at the length limit."""


def _as_lists(scores: Scores) -> dict[str, Any]:
    return {name: tensor.tolist() for name, tensor in scores.given().items()}


def _from_lists(stored: dict[str, Any]) -> Scores:
    return Scores(**{name: torch.tensor(numbers) for name, numbers in stored.items()})


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """All completions of one prompt. Grades and rewards are empty until the group is graded."""

    problem: Problem
    prompt_ids: tuple[int, ...]
    completions: tuple[Completion, ...]
    grades: tuple[Grade, ...] = ()
    rewards: tuple[float, ...] = ()
    scores: Annotated[Scores, PlainValidator(_from_lists), PlainSerializer(_as_lists)] = field(default_factory=Scores)
    """The scores that the trainer computed, with one row per completion, as wide as the longest one."""
    reference_tokens: tuple[int, ...] = ()
    """The lengths, in tokens, of additional reference completions that were sampled for their rewards."""

    @property
    def longest(self) -> int:
        """The number of tokens of the longest completion."""
        return max(len(completion.ids) for completion in self.completions)


GROUPS = TypeAdapter(list[Group], config=ConfigDict(ser_json_inf_nan="constants", extra="forbid"))
"""Converts groups to JSON and back without loss. Groups of another version are refused."""


def sequences_of(groups: Sequence[Group]) -> Sequences:
    """All completions of the groups with their prompts."""
    return Sequences.of([(group.prompt_ids, c.ids) for group in groups for c in group.completions])


def lengths(groups: Sequence[Group]) -> list[int]:
    """The number of tokens of each completion with its prompt."""
    return [len(group.prompt_ids) + len(c.ids) for group in groups for c in group.completions]


def mismatched(groups: Sequence[Group]) -> list[Group]:
    """Each prompt with completions of the next prompt, as many as its own. The last prompt gets those of the first.

    The new groups are neither graded nor scored.
    """
    crossed = []
    for group, other in zip(groups, [*groups[1:], *groups[:1]], strict=True):
        completions = tuple(islice(cycle(other.completions), len(group.completions)))
        crossed.append(Group(problem=group.problem, prompt_ids=group.prompt_ids, completions=completions))
    return crossed


def with_scores(groups: Sequence[Group], found: Mapping[str, Tensor]) -> list[Group]:
    """The groups with additional scores. ``found``: scores by name, [B, T] or [B] over all completions."""
    sizes = [len(group.completions) for group in groups]
    rows = {name: torch.split(tensor.cpu(), sizes) for name, tensor in found.items()}
    result = []
    for index, group in enumerate(groups):
        own = {name: _as_wide(name, of_groups[index], group.longest) for name, of_groups in rows.items()}
        result.append(replace(group, scores=replace(group.scores, **own)))
    return result


def scores_of(groups: Sequence[Group]) -> Scores:
    """The scores of all completions of the groups.

    Raises:
        ValueError: some groups have a score that others lack.
    """
    width, found = max(group.longest for group in groups), {}
    for name in SCORES:
        parts = [getattr(group.scores, name) for group in groups]
        there = [part for part in parts if part is not None]
        if there and len(there) < len(parts):
            raise ValueError(f"only {len(there)} of {len(parts)} prompts of a micro-batch have {name}")
        if there:
            found[name] = torch.cat([_as_wide(name, part, width) for part in there])
    return Scores(**found)


def _as_wide(name: str, tensor: Tensor, width: int) -> Tensor:
    """A score [B, T], truncated or padded to ``width`` tokens. Scores without a token dimension are unchanged."""
    return tensor if tensor.dim() == 1 or not SCORES[name].tokens else pad(tensor, (0, width - tensor.shape[1]))
