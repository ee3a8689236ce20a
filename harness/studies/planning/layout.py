"""How a run lies on its devices: what each of them holds of a tensor, and does of a batch."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import torch

from harness.config.run_config import RunConfig
from harness.models.parallel import part_of
from harness.studies.planning.question import Parallel


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """The devices of one run. All figures are those of the device that holds, or does, the most."""

    devices: int = 1
    parallel: Parallel = "replicate"
    reshard: bool = False
    """Of ``shard``: weights are gathered layer by layer in each pass, not all of them for the span of an update."""

    @property
    def sharded(self) -> bool:
        return self.parallel == "shard" and self.devices > 1

    def held(self, tensors: Iterable[torch.Tensor]) -> int:
        """Bytes of these tensors on a device; a tensor is cut along its first dimension."""
        return sum(self._rows(tensor) * tensor.element_size() for tensor in tensors)

    def elements(self, tensors: Iterable[torch.Tensor]) -> list[int]:
        """Of each tensor, on a device."""
        return [self._rows(tensor) for tensor in tensors]

    def _rows(self, tensor: torch.Tensor) -> int:
        return part_of(tensor, self.devices) if self.sharded else tensor.numel()

    def share(self, items: float) -> float:
        """Part of so many items that a device works on, where none is split; 0 of nothing."""
        return math.ceil(items / self.devices) / items if items else 0.0

    def __str__(self) -> str:
        how = "shard, reshard" if self.sharded and self.reshard else self.parallel
        return f"{self.devices} ({how})" if self.devices > 1 else "1"


ALONE = Layout()


def layout_of(config: RunConfig) -> Layout:
    """As the run's settings say."""
    compute = config.compute
    return Layout(devices=compute.devices, parallel=compute.parallel, reshard=compute.reshard)


def ways(devices: int) -> list[Layout]:
    """The ways to lie on so many devices, from the one that is fastest to the one that holds least."""
    if devices == 1:
        return [ALONE]
    return [
        Layout(devices=devices),
        Layout(devices=devices, parallel="shard"),
        Layout(devices=devices, parallel="shard", reshard=True),
    ]
