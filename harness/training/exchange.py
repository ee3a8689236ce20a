"""The exchange of scores between ranks. A score has one number per token or per completion."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from harness.models.sequences import mask_of
from harness.rollout.groups import Group
from harness.world import World

Packed = tuple[int, NDArray[Any]]
"""The number of dimensions of a score, and its values for all groups of a rank, without padding."""


def gather_scores(
    groups: Sequence[Group], dealt: Sequence[Sequence[int]], mine: Sequence[Group], names: Collection[str], world: World
) -> list[Group]:
    """All groups with the scores ``names``, which each rank has computed for its own groups.

    ``dealt``: the indices of the groups of each rank. ``mine``: the scored groups of this rank.
    """
    found: dict[int, Group] = dict(zip(dealt[world.rank], mine, strict=True))
    if world.size > 1:
        parts = world.gather([{name: _pack(mine, name) for name in names}])
        for rank, (indices, part) in enumerate(zip(dealt, parts, strict=True)):
            if rank != world.rank:
                found |= zip(indices, _unpack([groups[i] for i in indices], part), strict=True)
    return [found[i] for i in range(len(groups))]


def _pack(groups: Sequence[Group], name: str) -> Packed:
    tensors: list[Tensor] = [getattr(group.scores, name) for group in groups]
    flat = [t if t.dim() == 1 else t[_mask(group)] for t, group in zip(tensors, groups, strict=True)]
    return tensors[0].dim(), torch.cat(flat).numpy()


def _unpack(groups: Sequence[Group], part: dict[str, Packed]) -> list[Group]:
    result = list(groups)
    for name, (dimensions, numbers) in part.items():
        masks = [_mask(group) for group in groups]
        sizes = [len(mask) if dimensions == 1 else int(mask.sum()) for mask in masks]
        rows = torch.split(torch.from_numpy(numbers), sizes)
        for index, (mask, row) in enumerate(zip(masks, rows, strict=True)):
            own = row if dimensions == 1 else row.new_zeros(mask.shape).masked_scatter(mask, row)
            result[index] = replace(result[index], scores=replace(result[index].scores, **{name: own}))
    return result


def _mask(group: Group) -> Tensor:
    return mask_of(torch.tensor([len(completion.ids) for completion in group.completions]))
