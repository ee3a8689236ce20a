"""Checkpoints: the state of a run at an evaluation, in one safetensors file that is replaced atomically.

The state of a large sharded model is in additional files, one per rank. The main file names them.
"""

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from contextvars import ContextVar
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from harness.errors import HarnessError, one_line
from harness.models.parallel import like, units_of, whole
from harness.records.ledger import Ledger
from harness.records.out_dir import CHECKPOINT
from harness.rollout.groups import GROUPS, Group
from harness.training.slots import drop_slots, read_slot, tensors_in, write_slot
from harness.world import ALONE, World

HELD = "held"
ONE_FILE = 8 << 30
"""Rank 0 collects sharded weights and moments in one file up to this number of bytes. It needs as much main memory."""
COMMON_DISK: ContextVar[bool] = ContextVar("COMMON_DISK", default=True)
"""Whether all ranks of a run write to one disk. If not, rank 0 collects states of any size for one file."""
Modules = Mapping[str, torch.nn.Module]
Names = Mapping[str, torch.nn.Parameter]


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """The progress of a run: all of its state except weights and optimiser moments."""

    ledger: Ledger = field(default_factory=Ledger)
    journal_bytes: int = 0
    """The length of the journal up to this state, in bytes."""
    state: dict[str, float] = field(default_factory=dict)
    """Numbers that the objective carries from step to step."""


def save_checkpoint(
    directory: Path,
    run_id: str,
    modules: Modules,
    optimizer: torch.optim.Optimizer,
    progress: Progress,
    held: Sequence[Group],
    world: World = ALONE,
) -> None:
    """Replace the checkpoint of a run. All ranks must call this.

    If a process is killed meanwhile, the old checkpoint stays intact. ``held``: completions that the regime keeps for
    later steps.
    """
    metadata = {"run_id": run_id, "progress": json.dumps(asdict(progress))}
    state, slot = _state(modules, optimizer), None
    if in_shards(modules, optimizer):
        taken = _metadata(directory / CHECKPOINT).get("slot")
        slot, files = write_slot(directory, taken, dict(state), world)
        metadata |= {"slot": slot, "files": json.dumps(files)}
        tensors = {}
    else:
        tensors = _collected(state, world)
    if world.rank > 0:
        return
    tensors[HELD] = torch.frombuffer(bytearray(GROUPS.dump_json(list(held))), dtype=torch.uint8)
    partial = (directory / CHECKPOINT).with_suffix(".partial")
    save_file(tensors, partial, metadata)
    with partial.open("rb") as file:
        os.fsync(file.fileno())
    partial.replace(directory / CHECKPOINT)
    drop_slots(directory, but=slot)


def in_shards(modules: Modules, optimizer: torch.optim.Optimizer) -> bool:
    """Whether each rank saves a file of its own, because the state is sharded and too large for one file."""
    sharded = any(units_of(module) for module in modules.values())
    return sharded and COMMON_DISK.get() and sum(tensor.nbytes for _, tensor in _state(modules, optimizer)) > ONE_FILE


def drop_checkpoint(directory: Path) -> None:
    """Delete the checkpoint of a run that no longer needs it."""
    (directory / CHECKPOINT).unlink(missing_ok=True)
    drop_slots(directory)


def load_checkpoint(
    directory: Path, run_id: str, modules: Modules, optimizer: torch.optim.Optimizer, world: World = ALONE
) -> tuple[Progress, list[Group]] | None:
    """Load modules and optimiser from the checkpoint of a run. Returns progress and held completions, or None.

    Rank 0 reads the file and sends its content to the other ranks, which do not need access to the disk. If the state
    is in several files, each rank reads its own shards.

    Raises:
        HarnessError: the file is damaged, or belongs to another version or config.
    """
    path, names = directory / CHECKPOINT, dict(_parameters(modules))
    if not world.first(path.is_file()):
        return None
    try:
        with safe_open(path, "pt") if world.rank == 0 else nullcontext() as file:
            head = world.first(_head(path, run_id, file) if file else None)
            assert head is not None
            if head.slot:
                _fill_from(directory, head.slot, head.files, names, optimizer)
            else:
                _fill(names, optimizer, file, world)
    except (SafetensorError, OSError, KeyError, ValueError, TypeError) as error:
        reason = one_line(error)[:300]
        raise HarnessError(
            f"{path} is damaged, or another version wrote it ({reason}); start the run again with --fresh"
        ) from error
    return head.progress, head.held


@dataclass(frozen=True, kw_only=True, slots=True)
class _Head:
    """The content of a checkpoint apart from its tensors."""

    progress: Progress
    held: list[Group]
    slot: str | None
    """The folder of the tensors, if they are not in the same file."""
    files: list[str]


def _head(path: Path, run_id: str, file: Any) -> _Head:
    metadata = file.metadata() or {}
    if metadata.get("run_id") != run_id:
        raise HarnessError(
            f"{path} belongs to the run {metadata.get('run_id')}, not {run_id}; start the run again with --fresh"
        )
    held = GROUPS.validate_json(file.get_tensor(HELD).numpy().tobytes())
    progress = json.loads(metadata["progress"])
    return _Head(
        progress=Progress(**progress | {"ledger": Ledger(**progress["ledger"])}),
        held=held,
        slot=metadata.get("slot"),
        files=json.loads(metadata.get("files", "[]")),
    )


def journal_bytes_of(path: Path) -> int:
    """The number of bytes of the journal that belong to this checkpoint."""
    with safe_open(path, "pt") as file:
        return int(json.loads(file.metadata()["progress"])["journal_bytes"])


def _parameters(modules: Modules) -> Iterator[tuple[str, torch.nn.Parameter]]:
    for kind, module in modules.items():
        for name, parameter in module.named_parameters():
            if parameter.requires_grad:
                yield f"{kind}/{name}", parameter


def _state(modules: Modules, optimizer: torch.optim.Optimizer) -> Iterator[tuple[str, Tensor]]:
    for name, parameter in _parameters(modules):
        yield f"weight/{name}", parameter.detach()
        for key, value in optimizer.state.get(parameter, {}).items():
            tensor = torch.as_tensor(value)  # bitsandbytes has an int for steps, and shares its tables
            yield f"{key}/{name}", tensor.detach().clone() if key.startswith("qmap") else tensor.detach()


def _collected(state: Iterable[tuple[str, Tensor]], world: World) -> dict[str, Tensor]:
    """The whole state on rank 0, and nothing on the other ranks. Shards are gathered one tensor at a time."""
    tensors = {}
    for name, tensor in state:
        full = whole(tensor)
        if world.rank == 0:
            tensors[name] = full.contiguous() if full is tensor else full.cpu()
    return tensors


def _metadata(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    with safe_open(path, "pt") as file:
        return dict(file.metadata() or {})


def _fill(names: Names, optimizer: torch.optim.Optimizer, file: Any, world: World) -> None:
    """Load all tensors from one file, which rank 0 has open."""
    keys = world.first([key for key in file.keys() if key != HELD] if file else [])  # noqa: SIM118
    _refuse_others(names, keys)
    for key in keys:
        tensor = world.first_tensor(file.get_tensor(key) if file else None)
        kind, name = key.split("/", 1)
        if kind == "weight":
            with torch.no_grad():
                names[name].copy_(like(tensor, names[name]))
        else:
            _keep(optimizer, names[name], kind, tensor)


def _fill_from(
    directory: Path,
    slot: str,
    files: list[str],
    names: Names,
    optimizer: torch.optim.Optimizer,
) -> None:
    """Load all tensors from sharded files, in place. Moments are created with their final layout."""
    found = tensors_in(directory, slot, files)
    _refuse_others(names, found)
    into = {}
    for key, (shape, dtype) in found.items():
        kind, name = key.split("/", 1)
        parameter = names[name]
        if kind == "weight":
            into[key] = parameter.detach()
        else:
            alike = kind != "step" and shape == parameter.shape
            into[key] = torch.empty_like(parameter, dtype=dtype) if alike else torch.empty(shape, dtype=dtype)
    read_slot(directory, slot, into)
    for key, tensor in into.items():
        kind, name = key.split("/", 1)
        if kind != "weight":
            _keep(optimizer, names[name], kind, tensor.detach())


def _keep(optimizer: torch.optim.Optimizer, parameter: torch.nn.Parameter, kind: str, tensor: Tensor) -> None:
    """Store a tensor in the optimiser's state of a parameter."""
    if kind == "step" and not tensor.is_floating_point():
        optimizer.state[parameter][kind] = int(tensor)
    elif kind == "step":  # fused steps need it on the GPU
        optimizer.state[parameter][kind] = tensor.to(parameter.device)
    else:
        optimizer.state[parameter][kind] = like(tensor, parameter)


def _refuse_others(names: Names, keys: Iterable[str]) -> None:
    if {key for key in keys if key.startswith("weight/")} != {f"weight/{name}" for name in names}:
        raise KeyError("its parameters are not those of the run")
