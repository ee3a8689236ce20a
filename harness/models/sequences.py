"""Prompts and completions as tensors."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor


@dataclass(frozen=True, kw_only=True, slots=True)
class Sequences:
    """P prompts and their B completions of up to T tokens, all padded on the right. Each prompt occurs once."""

    prompts: Tensor
    """[P, L]"""
    prompt_lengths: Tensor
    """[P]"""
    prompt_of: Tensor
    """[B]"""
    completions: Tensor
    """[B, T]"""
    mask: Tensor
    """[B, T] true on the N sampled tokens."""

    @classmethod
    def of(cls, pairs: Sequence[tuple[Sequence[int], Sequence[int]]]) -> "Sequences":
        """Make sequences from pairs of prompt ids and completion ids."""
        place = {prompt: index for index, prompt in enumerate(dict.fromkeys(tuple(prompt) for prompt, _ in pairs))}
        lengths = torch.tensor([len(prompt) for prompt in place])
        mask = mask_of(torch.tensor([len(completion) for _, completion in pairs]))
        return cls(
            prompts=per_token(list(place), mask_of(lengths)),
            prompt_lengths=lengths,
            prompt_of=torch.tensor([place[tuple(prompt)] for prompt, _ in pairs]),
            completions=per_token([completion for _, completion in pairs], mask),
            mask=mask,
        )

    def to(self, device: torch.device) -> "Sequences":
        return Sequences(**{f.name: getattr(self, f.name).to(device) for f in fields(self)})

    def joined(self) -> Tensor:
        """[B, S] each completion after its prompt."""
        first, tokens = self.prompt_lengths[self.prompt_of], self.mask.shape[1]
        ids = torch.nn.functional.pad(self.prompts, (0, tokens))[self.prompt_of]
        ids.scatter_(1, first[:, None] + torch.arange(tokens, device=ids.device), self.completions)
        return ids[:, : int((first + self.mask.sum(-1)).max())]


def mask_of(lengths: Tensor) -> Tensor:
    """A mask [B, T] from lengths [B]: true on the first positions of each row."""
    return torch.arange(int(lengths.max())) < lengths[:, None]


def per_token(values: Sequence[Sequence[float]], mask: Tensor) -> Tensor:
    """A tensor [B, T] of values per token, with 0 on padding."""
    flat = torch.tensor([value for row in values for value in row])
    return flat.new_zeros(mask.shape).masked_scatter(mask, flat)


IDLE = Sequences.of([((0,), (0,))])
"""For passes that a rank only makes because other ranks do."""
