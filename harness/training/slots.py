"""Files of a large sharded state. Every rank writes its shards as safetensors, and any number of ranks can read them.

There are two folders, called slots. A new state goes into the slot that the current checkpoint does not use, so that
the current checkpoint stays intact until it is replaced.
"""

import shutil
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.checkpoint.api import CheckpointException
from torch.distributed.checkpoint.hf_storage import HuggingFaceStorageReader, HuggingFaceStorageWriter
from torch.distributed.checkpoint.metadata import TensorStorageMetadata
from torch.distributed.checkpoint.state_dict_loader import load
from torch.distributed.checkpoint.state_dict_saver import save

from harness.errors import HarnessError
from harness.world import World

SLOTS = ("checkpoint-0", "checkpoint-1")


def write_slot(
    directory: Path, taken: str | None, tensors: Mapping[str, Tensor], world: World
) -> tuple[str, list[str]]:
    """Write sharded ``tensors`` into the slot that is not ``taken``. Returns the slot and the names of its files.

    Raises:
        HarnessError: the ranks do not write to the same disk.
    """
    slot = world.first(next(name for name in SLOTS if name != taken))
    if world.rank == 0:
        shutil.rmtree(directory / slot, ignore_errors=True)
    world.first(None)  # before others write
    with _told(directory / slot):
        save(dict(tensors), storage_writer=HuggingFaceStorageWriter(str(directory / slot), save_distributed=True))
    files = _files(directory / slot)
    if world.any(len(files) != world.size):
        raise HarnessError(
            f"{directory / slot} holds {len(files)} files, but {world.size} processes have written one each; "
            "choose an --out on a disk that all machines share"
        )
    return slot, files


def tensors_in(directory: Path, slot: str, files: Iterable[str]) -> dict[str, tuple[torch.Size, torch.dtype]]:
    """The shape and type of each tensor in a slot, by name.

    Raises:
        KeyError: the slot does not have exactly these files.
    """
    if (found := _files(directory / slot)) != list(files):
        raise KeyError(f"{slot} holds {found}")
    entries = HuggingFaceStorageReader(str(directory / slot)).read_metadata().state_dict_metadata
    return {
        name: (entry.size, entry.properties.dtype)
        for name, entry in entries.items()
        if isinstance(entry, TensorStorageMetadata)  # safetensors contain nothing else
    }


def read_slot(directory: Path, slot: str, into: Mapping[str, Tensor]) -> None:
    """Load these tensors, which may be sharded or whole."""
    with _told(directory / slot):
        reader = HuggingFaceStorageReader(str(directory / slot))
        load(dict(into), storage_reader=reader, no_dist=not dist.is_initialized())


def drop_slots(directory: Path, but: str | None = None) -> None:
    """Delete all slots except one."""
    for name in SLOTS:
        if name != but:
            shutil.rmtree(directory / name, ignore_errors=True)


def _files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*.safetensors"))


@contextmanager
def _told(folder: Path) -> Iterator[None]:
    """Turn torch's CheckpointException into an OSError. It is not an ``Exception``, so handlers would miss it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # for example, that a single process loads
            yield
    except CheckpointException as error:
        reasons = "; ".join(f"rank {rank}: {raised[0]}" for rank, raised in sorted(error.failures.items()))
        raise OSError(f"{folder}: {reasons}") from error
