"""What flows through a run: completions of a prompt, then a graded group of them, then a scored one."""

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
    """Sampled tokens, the end-of-sequence token included where it was sampled."""
    logp: tuple[float, ...]
    """Log-probability of each under the distribution it was drawn from, by the engine, in nats."""
    text: str
    """Decoded, without special tokens, cut before a stop string."""
    truncated: bool
    """Cut at the length limit."""


def _as_lists(scores: Scores) -> dict[str, Any]:
    return {name: tensor.tolist() for name, tensor in scores.given().items()}


def _from_lists(stored: dict[str, Any]) -> Scores:
    return Scores(**{name: torch.tensor(numbers) for name, numbers in stored.items()})


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """All completions of one prompt; grades and rewards are empty until it is graded."""

    problem: Problem
    prompt_ids: tuple[int, ...]
    completions: tuple[Completion, ...]
    grades: tuple[Grade, ...] = ()
    rewards: tuple[float, ...] = ()
    scores: Annotated[Scores, PlainValidator(_from_lists), PlainSerializer(_as_lists)] = field(default_factory=Scores)
    """What the trainer computed of them: a row for each, as wide as the longest."""
    reference_tokens: tuple[int, ...] = ()
    """Tokens of each completion of the reference that was sampled for what it earns on this prompt."""

    @property
    def longest(self) -> int:
        """Tokens of the longest completion."""
        return max(len(completion.ids) for completion in self.completions)


GROUPS = TypeAdapter(list[Group], config=ConfigDict(ser_json_inf_nan="constants", extra="forbid"))
"""Groups as JSON and back, number for number; those that another version wrote are refused."""


def sequences_of(groups: Sequence[Group]) -> Sequences:
    """All completions of the groups with their prompts."""
    return Sequences.of([(group.prompt_ids, c.ids) for group in groups for c in group.completions])


def lengths(groups: Sequence[Group]) -> list[int]:
    """Tokens of each completion with its prompt."""
    return [len(group.prompt_ids) + len(c.ids) for group in groups for c in group.completions]


def mismatched(groups: Sequence[Group]) -> list[Group]:
    """Each prompt with as many completions of the next one as it has itself, the last one with those of the first.

    They are neither graded nor scored.
    """
    crossed = []
    for group, other in zip(groups, [*groups[1:], *groups[:1]], strict=True):
        completions = tuple(islice(cycle(other.completions), len(group.completions)))
        crossed.append(Group(problem=group.problem, prompt_ids=group.prompt_ids, completions=completions))
    return crossed


def with_scores(groups: Sequence[Group], found: Mapping[str, Tensor]) -> list[Group]:
    """The groups with scores besides those that they have: by name, [B, T] or [B] over all their completions."""
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
            raise ValueError(f"{len(there)} of {len(parts)} prompts of a micro-batch have {name}, the others lack it.")
        if there:
            found[name] = torch.cat([_as_wide(name, part, width) for part in there])
    return Scores(**found)


def _as_wide(name: str, tensor: Tensor, width: int) -> Tensor:
    """[B, T] cut or padded to ``width`` tokens; [B], and what is not of tokens, as it is."""
    return tensor if tensor.dim() == 1 or not SCORES[name].tokens else pad(tensor, (0, width - tensor.shape[1]))
