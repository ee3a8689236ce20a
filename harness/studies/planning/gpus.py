"""Devices by name. GPUs have the rates and bandwidths of their vendor's datasheet, and the memory that a process sees.

Links are for one direction, so half of the total in a datasheet: NVLink of the A100 (600 GB/s), of the H100 and H200
(900 GB/s); PCIe with 16 lanes of the L4, L40S and RTX 4090 (generation 4, 64 GB/s) and of the T4 (generation 3, 32
GB/s). Networks are those of NVIDIA's machines with eight GPUs: DGX A100 (8 x 200 Gb/s), DGX H100 and DGX H200 (8 x 400
Gb/s). For the other GPUs we assume 100 Gb/s, which clouds offer for machines with eight GPUs.
"""

from harness.config.suites import nearest
from harness.errors import HarnessError
from harness.studies.planning.device import Device

CPU = "cpu"
"""The name of this machine's cores."""

NVLINK_3, NVLINK_4 = 300, 450
PCIE_3, PCIE_4 = 16, 32
DGX_A100, DGX_H100, ASSUMED = 200, 400, 12.5
"""GB/s of a whole machine."""

GPUS: dict[str, Device] = {  # SXM, if a GPU has several variants
    "a100-40gb": Device(memory=39.4, bfloat16=312, float32=19.5, bandwidth=1.56, link=NVLINK_3, network=DGX_A100),
    "a100-80gb": Device(memory=79.1, bfloat16=312, float32=19.5, bandwidth=2.04, link=NVLINK_3, network=DGX_A100),
    "h100": Device(memory=79.1, bfloat16=989, float32=67, bandwidth=3.35, link=NVLINK_4, network=DGX_H100),
    "h200": Device(memory=139.8, bfloat16=989, float32=67, bandwidth=4.8, link=NVLINK_4, network=DGX_H100),
    "l4": Device(memory=22.0, bfloat16=121, float32=30, bandwidth=0.3, link=PCIE_4, network=ASSUMED),
    "l40s": Device(memory=44.4, bfloat16=362, float32=91.6, bandwidth=0.864, link=PCIE_4, network=ASSUMED),
    "rtx4090": Device(memory=23.5, bfloat16=165, float32=82.6, bandwidth=1.008, link=PCIE_4, network=ASSUMED),
    "t4": Device(memory=14.6, bfloat16=None, float32=8.1, bandwidth=0.32, link=PCIE_3, network=ASSUMED),
}


def device_of(name: str, threads: int) -> Device:
    """A device by name. ``cpu`` is measured on ``threads`` threads. Raises HarnessError with the nearest name."""
    if name.lower() == CPU:
        from harness.studies.planning.this_cpu import measured  # it imports torch

        return measured(threads)
    return gpu_of(name)


def refuse_unknown_device(name: str) -> None:
    """Raises HarnessError with the nearest name."""
    if name.lower() != CPU:
        gpu_of(name)


def gpu_of(name: str) -> Device:
    """A GPU by name. Raises HarnessError with the nearest name."""
    if name.lower() not in GPUS:
        raise HarnessError(f"no GPU {name!r} is known{nearest(name.lower(), [*GPUS, CPU])}")
    return GPUS[name.lower()]
