"""Groups become tensors: micro-batches of whole groups, padding trimmed, denominators of the whole step."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from algorithms.types import Batch, Denominators
from harness.types import Completion, Group


@dataclass(frozen=True, kw_only=True, slots=True)
class Sequences:
    """Prompts with their completions, padded on the right. B sequences, S tokens, T completion tokens, N sampled."""

    input_ids: Tensor
    """[B, S]"""
    mask: Tensor
    """[B, T] true on sampled tokens."""
    rows: Tensor
    """[N] the sequence of each sampled token, in the order of ``mask``."""
    places: Tensor
    """[N] its place in that sequence."""

    @classmethod
    def of(cls, pairs: Sequence[tuple[Sequence[int], Sequence[int]]]) -> "Sequences":
        """From (prompt ids, completion ids)."""
        prompts = torch.tensor([len(prompt) for prompt, _ in pairs])
        lengths = torch.tensor([len(completion) for _, completion in pairs])
        ids = [torch.tensor([*prompt, *completion]) for prompt, completion in pairs]
        mask = torch.arange(int(lengths.max())) < lengths[:, None]
        rows, within = mask.nonzero(as_tuple=True)
        return cls(
            input_ids=torch.nn.utils.rnn.pad_sequence(ids, batch_first=True),
            mask=mask,
            rows=rows,
            places=prompts[rows] + within,
        )


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

    def batch(
        self,
        denominators: Denominators,
        device: torch.device,
        *,
        ref_logp: Tensor | None,
        old_logp: Tensor | None,
    ) -> Batch:
        """What an objective sees of it."""
        return Batch(
            mask=self.sequences.mask.to(device),
            rewards=self.rewards.to(device),
            group=self.group.to(device),
            truncated=self.truncated.to(device),
            denominators=denominators,
            ref_logp=ref_logp,
            old_logp=old_logp,
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


def micro_batches(groups: Sequence[Group], max_tokens: int) -> list[MicroBatch]:
    """Groups of similar length side by side, each micro-batch within ``max_tokens`` padded tokens.

    A group is never split: one that is larger by itself gets a micro-batch of its own.
    """
    packed: list[list[Group]] = []
    for group in sorted(groups, key=_longest):
        rows = sum(len(g.completions) for g in packed[-1]) if packed else 0
        if packed and (rows + len(group.completions)) * _longest(group) <= max_tokens:
            packed[-1].append(group)
        else:
            packed.append([group])
    return [_micro_batch(part) for part in packed]


def lengths(groups: Sequence[Group]) -> list[int]:
    """Tokens of each completion with its prompt."""
    return [len(group.prompt_ids) + len(c.ids) for group in groups for c in group.completions]


def _longest(group: Group) -> int:
    return len(group.prompt_ids) + max(len(c.ids) for c in group.completions)


def _micro_batch(groups: Sequence[Group]) -> MicroBatch:
    rows: list[tuple[int, Group, Completion]] = [
        (index, group, completion) for index, group in enumerate(groups) for completion in group.completions
    ]
    sequences = Sequences.of([(group.prompt_ids, completion.ids) for _, group, completion in rows])
    sampled = torch.tensor([logp for _, _, completion in rows for logp in completion.logp])
    return MicroBatch(
        sequences=sequences,
        rewards=torch.tensor([reward for group in groups for reward in group.rewards]),
        group=torch.tensor([index for index, _, _ in rows]),
        truncated=torch.tensor([completion.truncated for _, _, completion in rows]),
        engine_logp=sampled.new_zeros(sequences.mask.shape).masked_scatter(sequences.mask, sampled),
    )
