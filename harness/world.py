"""The processes of one run, one a device. Control is replicated: every rank holds all groups, and decides alike."""

from collections.abc import Mapping, Sequence
from typing import Protocol, TypeVar

import torch.distributed as dist

T = TypeVar("T")


class World(Protocol):
    """What ranks tell each other; each call is made by all of them, in the same order."""

    rank: int
    size: int

    def scatter(self, items: Sequence[T]) -> list[T]:
        """This rank's share, the ranks' shares one behind the other; empty where there are more ranks than items."""
        ...

    def gather(self, mine: Sequence[T]) -> list[T]:
        """All ranks' items, in the order of the ranks: what :meth:`scatter` took apart."""
        ...

    def sum(self, values: Mapping[str, float]) -> dict[str, float]:
        """By name, over all ranks. A name that a rank lacks counts as 0 there."""
        ...

    def max(self, values: Mapping[str, float]) -> dict[str, float]:
        """By name, over the ranks that have it."""
        ...

    def any(self, flag: bool) -> bool:
        """Whether it is set on one of them."""
        ...

    def first(self, value: T) -> T:
        """What rank 0 says: of clocks, of stopping, of files."""
        ...


class Alone:
    """One process: nothing is exchanged, and nothing changes on the way."""

    rank = 0
    size = 1

    def scatter(self, items: Sequence[T]) -> list[T]:
        return list(items)

    def gather(self, mine: Sequence[T]) -> list[T]:
        return list(mine)

    def sum(self, values: Mapping[str, float]) -> dict[str, float]:
        return dict(values)

    def max(self, values: Mapping[str, float]) -> dict[str, float]:
        return dict(values)

    def any(self, flag: bool) -> bool:
        return flag

    def first(self, value: T) -> T:
        return value


class Ranks:
    """The processes of the default group of torch.distributed, which has been initialised."""

    def __init__(self) -> None:
        self.rank, self.size = dist.get_rank(), dist.get_world_size()

    def scatter(self, items: Sequence[T]) -> list[T]:
        count = len(items)
        return list(items[self.rank * count // self.size : (self.rank + 1) * count // self.size])

    def gather(self, mine: Sequence[T]) -> list[T]:
        return [item for part in self._all(list(mine)) for item in part]

    def sum(self, values: Mapping[str, float]) -> dict[str, float]:
        parts = self._all(dict(values))
        return {name: sum(part.get(name, 0.0) for part in parts) for name in _names(parts)}

    def max(self, values: Mapping[str, float]) -> dict[str, float]:
        parts = self._all(dict(values))
        return {name: max(part[name] for part in parts if name in part) for name in _names(parts)}

    def any(self, flag: bool) -> bool:
        return any(self._all(flag))

    def first(self, value: T) -> T:
        box = [value]
        dist.broadcast_object_list(box, src=0)
        return box[0]

    def _all(self, value: T) -> list[T]:
        """Every rank's, by rank."""
        parts: list[T] = [value] * self.size
        dist.all_gather_object(parts, value)
        return parts


def _names(parts: Sequence[Mapping[str, float]]) -> list[str]:
    """All of them, in the order in which they first stand in a part: the same on every rank."""
    return list(dict.fromkeys(name for part in parts for name in part))
