"""GPUs by name: rates and bandwidth of their vendor's datasheets; memory as a process sees it, less than on the box."""

from dataclasses import dataclass

from harness.config.suites import nearest
from harness.errors import HarnessError


@dataclass(frozen=True, kw_only=True, slots=True)
class Gpu:
    """One GPU. Rates are dense, without sparsity."""

    memory: float
    """GiB that a process sees."""
    bfloat16: float | None
    """TFLOP/s of matrix products in bfloat16, sums in float32; None where the GPU has none."""
    float32: float
    """TFLOP/s of matrix products in float32, without TF32."""
    bandwidth: float
    """TB/s of its memory."""

    def rate(self, dtype: str) -> float:
        """FLOP/s of matrix products."""
        return 1e12 * (self.bfloat16 if dtype == "bfloat16" and self.bfloat16 else self.float32)


GPUS: dict[str, Gpu] = {  # of those with several forms: SXM
    "a100-40gb": Gpu(memory=39.4, bfloat16=312, float32=19.5, bandwidth=1.56),
    "a100-80gb": Gpu(memory=79.1, bfloat16=312, float32=19.5, bandwidth=2.04),
    "h100": Gpu(memory=79.1, bfloat16=989, float32=67, bandwidth=3.35),
    "h200": Gpu(memory=139.8, bfloat16=989, float32=67, bandwidth=4.8),
    "l4": Gpu(memory=22.0, bfloat16=121, float32=30, bandwidth=0.3),
    "l40s": Gpu(memory=44.4, bfloat16=362, float32=91.6, bandwidth=0.864),
    "rtx4090": Gpu(memory=23.5, bfloat16=165, float32=82.6, bandwidth=1.008),
    "t4": Gpu(memory=14.6, bfloat16=None, float32=8.1, bandwidth=0.32),
}


def gpu_of(name: str) -> Gpu:
    """By name; raises HarnessError with the nearest one."""
    if name.lower() not in GPUS:
        raise HarnessError(f"no GPU {name!r}{nearest(name.lower(), list(GPUS))}")
    return GPUS[name.lower()]
