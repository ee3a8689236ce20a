"""Groups become tensors: micro-batches of whole groups, padding trimmed, denominators of the whole step."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from algorithms.types import Batch, Denominators
from harness.types import Group

PER_COMPLETION = frozenset({"draws", "old_final_value"})
"""What is known of a completion as one number, not one for each token."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sequences:
    """Prompts, each once, and their completions; all padded on the right. P prompts, B completions of T tokens."""

    prompts: Tensor
    """[P, L]"""
    prompt_lengths: Tensor
    """[P]"""
    prompt_of: Tensor
    """[B]"""
    completions: Tensor
    """[B, T]"""
    mask: Tensor
    """[B, T] true on sampled tokens, of which there are N."""

    @classmethod
    def of(cls, pairs: Sequence[tuple[Sequence[int], Sequence[int]]]) -> "Sequences":
        """From (prompt ids, completion ids)."""
        place = {prompt: index for index, prompt in enumerate(dict.fromkeys(tuple(prompt) for prompt, _ in pairs))}
        lengths = torch.tensor([len(prompt) for prompt in place])
        mask = _mask(torch.tensor([len(completion) for _, completion in pairs]))
        return cls(
            prompts=_per_token(list(place), _mask(lengths)),
            prompt_lengths=lengths,
            prompt_of=torch.tensor([place[tuple(prompt)] for prompt, _ in pairs]),
            completions=_per_token([completion for _, completion in pairs], mask),
            mask=mask,
        )

    def to(self, device: torch.device) -> "Sequences":
        return Sequences(**{f.name: getattr(self, f.name).to(device) for f in fields(self)})

    def joined(self) -> Tensor:
        """[B, S] each completion behind its prompt."""
        first, tokens = self.prompt_lengths[self.prompt_of], self.mask.shape[1]
        ids = torch.nn.functional.pad(self.prompts, (0, tokens))[self.prompt_of]
        ids.scatter_(1, first[:, None] + torch.arange(tokens, device=ids.device), self.completions)
        return ids[:, : int((first + self.mask.sum(-1)).max())]


@dataclass(frozen=True, kw_only=True, slots=True)
class MicroBatch:
    """Whole groups, as many as fit."""

    sequences: Sequences
    rewards: Tensor
    """[B]"""
    group: Tensor
    """[B]"""
    truncated: Tensor
    """[B]"""
    engine_logp: Tensor
    """[B, T] as the rollout engine reported them."""
    known: dict[str, Tensor]
    """What has been scored, by the names of :class:`Batch`: [B, T], or [B]."""

    def batch(self, denominators: Denominators, device: torch.device, state: Mapping[str, float]) -> Batch:
        """What an objective sees of it, before the policy's own pass."""
        known = {name: tensor.to(device) for name, tensor in self.known.items()}
        return Batch(
            mask=self.sequences.mask.to(device),
            rewards=self.rewards.to(device),
            group=self.group.to(device),
            truncated=self.truncated.to(device),
            denominators=denominators,
            state=state,
            old_logp=known.get("old_logp"),
            start_logp=known.get("start_logp"),
            ref_logp=known.get("ref_logp"),
            old_values=known.get("old_values"),
            old_final_value=known.get("old_final_value"),
            draws=known.get("draws"),
        )


def denominators(groups: Sequence[Group], max_tokens: int) -> Denominators:
    """Counts of the whole step."""
    completions = [c for group in groups for c in group.completions]
    return Denominators(
        sequences=len(completions),
        tokens=sum(len(c.ids) for c in completions),
        groups=len(groups),
        max_tokens=max_tokens,
        reward_mean=sum(reward for group in groups for reward in group.rewards) / len(completions),
    )


def pack(groups: Sequence[Group], max_tokens: int) -> list[list[int]]:
    """Indices of groups of similar length side by side, each part within ``max_tokens`` padded tokens.

    A group is never split: one that is larger by itself gets a part of its own.
    """
    packed: list[list[int]] = []
    for index in sorted(range(len(groups)), key=lambda i: _longest(groups[i])):
        rows = sum(len(groups[i].completions) for i in packed[-1]) if packed else 0
        if packed and (rows + len(groups[index].completions)) * _longest(groups[index]) <= max_tokens:
            packed[-1].append(index)
        else:
            packed.append([index])
    return packed


def micro_batches(groups: Sequence[Group], max_tokens: int) -> list[MicroBatch]:
    """The groups packed into micro-batches."""
    return [_micro_batch([groups[i] for i in part]) for part in pack(groups, max_tokens)]


def sequences_of(groups: Sequence[Group]) -> Sequences:
    """All completions of the groups with their prompts."""
    return Sequences.of([(group.prompt_ids, c.ids) for group in groups for c in group.completions])


def lengths(groups: Sequence[Group]) -> list[int]:
    """Tokens of each completion with its prompt."""
    return [len(group.prompt_ids) + len(c.ids) for group in groups for c in group.completions]


def _longest(group: Group) -> int:
    return len(group.prompt_ids) + max(len(c.ids) for c in group.completions)


def _micro_batch(groups: Sequence[Group]) -> MicroBatch:
    rows = [completion for group in groups for completion in group.completions]
    sequences = sequences_of(groups)
    names = sorted(set.intersection(*(set(completion.known) for completion in rows)))
    return MicroBatch(
        sequences=sequences,
        rewards=torch.tensor([reward for group in groups for reward in group.rewards]),
        group=torch.tensor([index for index, group in enumerate(groups) for _ in group.completions]),
        truncated=torch.tensor([completion.truncated for completion in rows]),
        engine_logp=_per_token([completion.logp for completion in rows], sequences.mask),
        known={
            name: torch.tensor([completion.known[name][0] for completion in rows])
            if name in PER_COMPLETION
            else _per_token([completion.known[name] for completion in rows], sequences.mask)
            for name in names
        },
    )


def _mask(lengths: Tensor) -> Tensor:
    """[B] -> [B, T], true on the first places of each row"""
    return torch.arange(int(lengths.max())) < lengths[:, None]


def _per_token(values: Sequence[Sequence[float]], mask: Tensor) -> Tensor:
    """[B, T], 0 on padding"""
    flat = torch.tensor([value for row in values for value in row])
    return flat.new_zeros(mask.shape).masked_scatter(mask, flat)
