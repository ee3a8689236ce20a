"""A device in a plan: its rates, bandwidths and memory."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True, slots=True)
class Device:
    """A GPU, or the cores of a machine. Rates are without sparsity, and bandwidths are for one direction."""

    kind: Literal["cuda", "cpu"] = "cuda"
    memory: float
    """GiB that a process sees."""
    bfloat16: float | None
    """TFLOP/s of matrix products in bfloat16 with sums in float32; None if the device has no bfloat16."""
    float32: float
    """TFLOP/s of matrix products in float32, without TF32."""
    bandwidth: float
    """TB/s of its memory."""
    link: float
    """GB/s between two devices of one machine."""
    network: float
    """GB/s between two machines."""

    def rate(self, dtype: str) -> float:
        """FLOP/s of matrix products."""
        return 1e12 * (self.bfloat16 if dtype == "bfloat16" and self.bfloat16 else self.float32)
