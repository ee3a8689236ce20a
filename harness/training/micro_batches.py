"""Micro-batches: tensors of whole groups with trimmed padding, and the denominators of the whole step."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from algorithms.scores import Scores
from algorithms.types import Batch, Denominators
from harness.models.hidden import UNPADDED, BatchLayout
from harness.models.sequences import Sequences, per_token
from harness.rollout.groups import Group, lengths, scores_of, sequences_of


@dataclass(frozen=True, kw_only=True, slots=True)
class MicroBatch:
    """The tensors of some whole groups."""

    sequences: Sequences
    rewards: Tensor
    """[B]"""
    group: Tensor
    """[B]"""
    truncated: Tensor
    """[B]"""
    engine_logp: Tensor
    """[B, T] log-probabilities from the rollout engine."""
    scores: Scores

    def batch(self, denominators: Denominators, device: torch.device, state: Mapping[str, float]) -> Batch:
        """The input of an objective, before the pass of the policy."""
        scores: dict[str, Any] = {name: tensor.to(device) for name, tensor in self.scores.given().items()}
        return Batch(
            mask=self.sequences.mask.to(device),
            rewards=self.rewards.to(device),
            group=self.group.to(device),
            truncated=self.truncated.to(device),
            denominators=denominators,
            state=state,
            **scores,
        )


def denominators(groups: Sequence[Group], max_tokens: int) -> Denominators:
    """Counts and means over the whole step."""
    completions = [c for group in groups for c in group.completions]
    return Denominators(
        sequences=len(completions),
        tokens=sum(len(c.ids) for c in completions),
        groups=len(groups),
        max_tokens=max_tokens,
        reward_mean=sum(reward for group in groups for reward in group.rewards) / len(completions),
    )


def pack(groups: Sequence[Group], max_tokens: int, layout: BatchLayout) -> list[list[int]]:
    """Pack groups of similar length together, with at most ``max_tokens`` per part. Returns indices.

    A group is never split. A group that is larger than the limit gets a part of its own. Each completion counts with
    its prompt, also if prompts pass once, because their keys and values are copied.
    """
    parts: list[list[int]] = []
    filled = 0  # real tokens, or rows that are padded to the longest sequence, which comes last
    for index in sorted(range(len(groups)), key=lambda i: _longest(groups[i])):
        group = groups[index]
        own, width = (sum(lengths([group])), 1) if layout in UNPADDED else (len(group.completions), _longest(group))
        if parts and (filled + own) * width <= max_tokens:
            parts[-1].append(index)
            filled += own
        else:
            parts.append([index])
            filled = own
    return parts


def deal(groups: Sequence[Group], ranks: int) -> list[list[int]]:
    """Distribute groups over ranks, with about equal numbers of tokens. Returns the sorted indices for each rank.

    If there are few groups, some ranks get none.
    """
    dealt: list[list[int]] = [[] for _ in range(ranks)]
    tokens = [0] * ranks
    size = [sum(lengths([group])) for group in groups]
    for index in sorted(range(len(groups)), key=lambda i: -size[i]):  # the largest first
        rank = tokens.index(min(tokens))
        dealt[rank].append(index)
        tokens[rank] += size[index]
    return [sorted(indices) for indices in dealt]


def idle(shares: Sequence[int], rank: int) -> int:
    """The number of idle passes of a rank. With resharding, all ranks must make the same number of passes.

    ``shares``: the number of micro-batches of each rank.
    """
    return max(shares) - shares[rank]


def micro_batches(groups: Sequence[Group], max_tokens: int, layout: BatchLayout) -> list[MicroBatch]:
    """The groups packed into micro-batches."""
    return [_micro_batch([groups[i] for i in part]) for part in pack(groups, max_tokens, layout)]


def _longest(group: Group) -> int:
    return len(group.prompt_ids) + group.longest


def _micro_batch(groups: Sequence[Group]) -> MicroBatch:
    rows = [completion for group in groups for completion in group.completions]
    sequences = sequences_of(groups)
    return MicroBatch(
        sequences=sequences,
        rewards=torch.tensor([reward for group in groups for reward in group.rewards]),
        group=torch.tensor([index for index, group in enumerate(groups) for _ in group.completions]),
        truncated=torch.tensor([completion.truncated for completion in rows]),
        engine_logp=per_token([completion.logp for completion in rows], sequences.mask),
        scores=scores_of(groups),
    )
