"""Transfer of files between nodes and driver: small files in messages, large ones through a shared place."""

import contextlib
import shutil
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import fsspec
import torch

from harness.config.run_config import RunConfig
from harness.errors import HarnessError, one_line
from harness.models.loading import load_without_weights

MOST_IN_MEMORY = 64 * 2**20
"""The size in bytes of the largest file that is sent in a message. Larger files need ``--ray-storage``."""


class NeedsStorage(HarnessError):
    """A file is too large for a message, and there is no storage."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A file at an address in storage, which is fetched once."""

    uri: str


Parcel = bytes | Stored


def pack(path: Path, storage: str | None) -> Parcel:
    """The content of a file, or its address in storage if it is large.

    Raises:
        NeedsStorage: the file is large, and there is no ``storage``.
    """
    size = path.stat().st_size
    if size <= MOST_IN_MEMORY:
        return path.read_bytes()
    if storage is None:
        raise NeedsStorage(_too_large(path.name, size))
    stored = Stored(f"{storage.rstrip('/')}/{uuid.uuid4().hex}")
    with path.open("rb") as source, fsspec.open(stored.uri, "wb") as target:
        shutil.copyfileobj(source, target, 2**24)
    return stored


def unpack(parcel: Parcel, path: Path) -> None:
    """Write the file of a parcel. A file in storage is deleted there."""
    if isinstance(parcel, bytes):
        path.write_bytes(parcel)
        return
    with fsspec.open(parcel.uri, "rb") as source, path.open("wb") as target:
        shutil.copyfileobj(source, target, 2**24)
    discard(parcel)


def discard(parcel: Parcel) -> None:
    """Delete the file of a parcel from storage. It is no error if the file is missing."""
    if isinstance(parcel, Stored):
        system, path = fsspec.url_to_fs(parcel.uri)
        with contextlib.suppress(FileNotFoundError):
            system.rm_file(path)


def check_sizes(runs: Sequence[RunConfig]) -> None:
    """Check that the runs need no storage, as far as the sizes of their models show before the runs start.

    Raises:
        NeedsStorage: the weights of a model are too large for a message.
    """
    for path in dict.fromkeys(run.model.path for run in runs):  # with adapters, the merged model is sent
        least = sum(4 * p.numel() for p in load_without_weights(path, torch.float32).parameters())
        if least > MOST_IN_MEMORY:
            raise NeedsStorage(_too_large(f"a file with the weights of {path}", least))


def _too_large(what: str, size: int) -> str:
    return (
        f"{what} takes {size / 2**20:,.0f} MiB, but files of more than {MOST_IN_MEMORY / 2**20:,.0f} MiB are not sent "
        "through the driver's memory; give a place that all nodes can reach, such as --ray-storage s3://BUCKET/FOLDER "
        "or, on a shared disk, --ray-storage file:///FOLDER"
    )


def check_storage(storage: str) -> None:
    """Check that storage can be written from here.

    Raises:
        HarnessError: it cannot be written.
    """
    probe = f"{storage.rstrip('/')}/{uuid.uuid4().hex}"
    try:
        system, path = fsspec.url_to_fs(probe)
        system.makedirs(path.rpartition("/")[0], exist_ok=True)
        system.pipe_file(path, b"probe")
        system.rm_file(path)
    except Exception as error:  # each kind of storage has its own errors; a missing package is one of them
        raise HarnessError(
            f"--ray-storage {storage} cannot be written ({type(error).__name__}: {one_line(error)[:200]}); give a "
            "place such as s3://BUCKET/FOLDER (which needs the package s3fs) or file:///FOLDER"
        ) from error
