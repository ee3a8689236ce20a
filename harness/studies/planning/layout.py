"""The layout of a run on its devices: each device's part of tensors and batches."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import torch

from harness.config.run_config import RunConfig
from harness.models.parallel import part_of
from harness.studies.planning.question import Parallel


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """The devices of one run. All figures are for the device with the largest part."""

    devices: int = 1
    parallel: Parallel = "replicate"
    reshard: bool = False
    """With ``shard``: whether weights are gathered layer by layer in each pass, instead of once per update."""

    @property
    def sharded(self) -> bool:
        return self.parallel == "shard" and self.devices > 1

    def held(self, tensors: Iterable[torch.Tensor]) -> int:
        """Bytes of these tensors on one device. Tensors are split along their first dimension."""
        return sum(self._rows(tensor) * tensor.element_size() for tensor in tensors)

    def elements(self, tensors: Iterable[torch.Tensor]) -> list[int]:
        """The number of elements of each tensor on one device."""
        return [self._rows(tensor) for tensor in tensors]

    def _rows(self, tensor: torch.Tensor) -> int:
        return part_of(tensor, self.devices) if self.sharded else tensor.numel()

    def share(self, items: float) -> float:
        """The share of ``items`` that one device works on. Items are not split. 0 if there are no items."""
        return math.ceil(items / self.devices) / items if items else 0.0

    def __str__(self) -> str:
        how = "shard, reshard" if self.sharded and self.reshard else self.parallel
        return f"{self.devices} ({how})" if self.devices > 1 else "1"


ALONE = Layout()


def layout_of(config: RunConfig) -> Layout:
    """The layout in the settings of a run."""
    compute = config.compute
    return Layout(devices=compute.devices, parallel=compute.parallel, reshard=compute.reshard)


def ways(devices: int) -> list[Layout]:
    """All layouts on this number of devices, from the fastest to the one with the least memory."""
    if devices == 1:
        return [ALONE]
    return [
        Layout(devices=devices),
        Layout(devices=devices, parallel="shard"),
        Layout(devices=devices, parallel="shard", reshard=True),
    ]
