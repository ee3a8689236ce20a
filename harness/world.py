"""Communication between the processes of one run, one per device.

Control is replicated: every rank has all groups and makes the same decisions.
"""

import pickle
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, Protocol, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from harness.errors import HarnessError, one_line

T = TypeVar("T")

HEAD = 256
"""Bytes of the first part of a message: its length, and the whole content if it is short."""
LENGTH = 8
"""Bytes of the length field."""
BUCKET = 1 << 25
"""The largest number of values that are summed in one message, unless a single tensor has more."""


class LostRanks(HarnessError):
    """Other ranks of a run have ended, or do not answer."""


class World(Protocol):
    """Collective operations over ranks. All ranks must make the same calls in the same order.

    Raises:
        LostRanks: another rank has ended, or does not answer.
    """

    rank: int
    size: int

    def scatter(self, items: Sequence[T]) -> list[T]:
        """This rank's share of the items, as a contiguous slice. It may be empty if there are more ranks than items."""
        ...

    def gather(self, mine: Sequence[T]) -> list[T]:
        """The items of all ranks, in the order of the ranks. This inverts :meth:`scatter`."""
        ...

    def sum(self, values: Mapping[str, float]) -> dict[str, float]:
        """Sums over all ranks, by name. A missing name counts as 0."""
        ...

    def max(self, values: Mapping[str, float]) -> dict[str, float]:
        """Maxima by name, over the ranks that have the name."""
        ...

    def any(self, flag: bool) -> bool:
        """Whether the flag is set on any rank."""
        ...

    def first(self, value: T) -> T:
        """The value of rank 0. It is used for clocks, stopping and files."""
        ...

    def first_tensor(self, tensor: Tensor | None) -> Tensor:
        """The tensor of rank 0, in CPU memory. The arguments of other ranks are ignored."""
        ...

    def agree(self, value: object, otherwise: str) -> None:
        """Check that all ranks have the same value.

        Raises:
            HarnessError: the values differ. ``otherwise`` explains what that means.
        """
        ...

    def add_up(self, parameters: Iterable[torch.nn.Parameter]) -> None:
        """Replace each gradient by its sum over all ranks. It stays None if no rank has one."""
        ...


class Alone:
    """A single process. All operations return their arguments unchanged."""

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

    def first_tensor(self, tensor: Tensor | None) -> Tensor:
        assert tensor is not None
        return tensor

    def agree(self, value: object, otherwise: str) -> None:
        pass

    def add_up(self, parameters: Iterable[torch.nn.Parameter]) -> None:
        pass


ALONE: Final[World] = Alone()


class Ranks:
    """The processes of the default group of torch.distributed, which must be initialised."""

    def __init__(self) -> None:
        self.rank, self.size = dist.get_rank(), dist.get_world_size()
        self.sent: Counter[str] = Counter()
        """Bytes that this rank has sent, by purpose: ``objects``, ``tensors`` and ``gradients``."""

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
        content = pickle.dumps(value) if self.rank == 0 else b""
        (found,) = self._exchange(content, lambda part: self._broadcast(part)[None])
        told: T = pickle.loads(found)
        return told

    def first_tensor(self, tensor: Tensor | None) -> Tensor:
        shape, dtype = self.first((tensor.shape, tensor.dtype) if tensor is not None else (torch.Size(), torch.float32))
        mine = tensor.detach().cpu().contiguous() if self.rank == 0 and tensor is not None else None
        found = torch.empty(shape, dtype=dtype) if mine is None else mine
        self.sent["tensors"] += found.nbytes
        if found.nbytes:
            self._broadcast(found.view(-1).view(torch.uint8))
        return found

    def agree(self, value: object, otherwise: str) -> None:
        values = self._all(value)
        if others := [rank for rank, other in enumerate(values) if other != values[0]]:
            raise HarnessError(f"rank {others[0]} differs from rank 0: {otherwise}")

    def add_up(self, parameters: Iterable[torch.nn.Parameter]) -> None:
        for bucket in _buckets(parameters):
            # One more number per parameter says whether it has a gradient: a rank without work has none.
            there = torch.tensor([p.grad is not None for p in bucket]).to(bucket[0])
            flat = torch.cat([*((torch.zeros_like(p) if p.grad is None else p.grad).flatten() for p in bucket), there])
            self.sent["gradients"] += flat.nbytes
            with _together(self.rank):
                dist.all_reduce(flat)
            *sums, there = torch.split(flat, [*(p.numel() for p in bucket), len(bucket)])
            for parameter, summed, ranks in zip(bucket, sums, there.tolist(), strict=True):
                if ranks and parameter.grad is not None:
                    parameter.grad.copy_(summed.view_as(parameter))
                elif ranks:
                    parameter.grad = summed.view_as(parameter).clone()

    def _all(self, value: T) -> list[T]:
        """The values of all ranks, in order."""
        return [pickle.loads(content) for content in self._exchange(pickle.dumps(value), self._all_gather)]

    def _exchange(self, content: bytes, pass_on: Callable[[Tensor], Tensor]) -> list[bytes]:
        """The messages that ``pass_on`` returns, one per row. Short messages need one call, longer ones two."""
        room = HEAD - LENGTH
        head = pass_on(_row(len(content).to_bytes(LENGTH) + content[:room], HEAD)).numpy()
        lengths = [int.from_bytes(row[:LENGTH].tobytes()) for row in head]
        rest = max(lengths) - room
        tail = pass_on(_row(content[room:], rest)).numpy() if rest > 0 else head[:, :0]
        self.sent["objects"] += HEAD + max(0, rest)
        whole = [row[LENGTH:].tobytes() + more.tobytes() for row, more in zip(head, tail, strict=True)]
        return [message[:length] for message, length in zip(whole, lengths, strict=True)]

    def _all_gather(self, part: Tensor) -> Tensor:
        found = part.new_empty(self.size, len(part))
        with _together(self.rank):
            dist.all_gather(list(found.unbind()), part)
        return found

    def _broadcast(self, part: Tensor) -> Tensor:
        with _together(self.rank):
            dist.broadcast(part, src=0)
        return part


def _row(content: bytes, length: int) -> Tensor:
    """[length] uint8: the content, padded with 0."""
    return torch.frombuffer(bytearray(content.ljust(length, b"\0")), dtype=torch.uint8)


def of_a_collective(error: RuntimeError) -> bool:
    """Whether an error means that other ranks are lost. Torch itself gathers and sums shards, and raises these
    errors."""
    return isinstance(error, dist.DistError) or "/gloo/" in str(error)


@contextmanager
def _together(rank: int) -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:  # of torch.distributed, whatever the backend
        raise LostRanks(
            f"rank {rank} lost its connection to the other ranks of its run ({one_line(error)[:200]})"
        ) from error


def _buckets(parameters: Iterable[torch.nn.Parameter]) -> Iterator[list[torch.nn.Parameter]]:
    """Parameters with gradients, in order, in buckets of one type and device."""
    kinds: dict[Any, list[torch.nn.Parameter]] = {}
    for parameter in parameters:
        if parameter.requires_grad:
            kinds.setdefault((parameter.dtype, parameter.device), []).append(parameter)
    for kind in kinds.values():
        bucket: list[torch.nn.Parameter] = []
        for parameter in kind:
            if bucket and sum(p.numel() for p in bucket) + parameter.numel() > BUCKET:
                yield bucket
                bucket = []
            bucket.append(parameter)
        yield bucket


def _names(parts: Sequence[Mapping[str, float]]) -> list[str]:
    """All names, in the order of their first occurrence, which is the same on every rank."""
    return list(dict.fromkeys(name for part in parts for name in part))
