"""A run's state at an evaluation point: one safetensors file, replaced atomically."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from harness.errors import HarnessError, one_line
from harness.records.ledger import Ledger
from harness.rollout.groups import GROUPS, Group
from harness.world import ALONE, World

NAME = "checkpoint.safetensors"
HELD = "held"
Modules = Mapping[str, torch.nn.Module]


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """Where a run stands: all of its state besides weights and optimiser moments."""

    ledger: Ledger = field(default_factory=Ledger)
    journal_bytes: int = 0
    """How much of the journal describes it."""
    state: dict[str, float] = field(default_factory=dict)
    """What the objective carries from step to step."""


def save_checkpoint(
    directory: Path,
    run_id: str,
    modules: Modules,
    optimizer: torch.optim.Optimizer,
    progress: Progress,
    held: Sequence[Group],
) -> None:
    """Replace the run's checkpoint; whoever is killed meanwhile leaves the old one whole.

    ``held`` are the completions that the regime keeps for later steps.
    """
    tensors = {name: tensor.detach().contiguous() for name, tensor in _state(modules, optimizer)}
    tensors[HELD] = torch.frombuffer(bytearray(GROUPS.dump_json(list(held))), dtype=torch.uint8)
    target = directory / NAME
    partial = target.with_suffix(".partial")
    save_file(tensors, partial, {"run_id": run_id, "progress": json.dumps(asdict(progress))})
    with partial.open("rb") as file:
        os.fsync(file.fileno())
    partial.replace(target)


def load_checkpoint(
    directory: Path, run_id: str, modules: Modules, optimizer: torch.optim.Optimizer, world: World = ALONE
) -> tuple[Progress, list[Group]] | None:
    """Fill modules and optimiser from the run's checkpoint; progress and held completions, None if there is none.

    Rank 0 reads the file, and hands every rank what is in it: other machines need not see the disk.

    Raises:
        HarnessError: the file is damaged, of another version or of another config.
    """
    read = _read(directory / NAME, run_id, modules, optimizer) if world.rank == 0 else None
    if found := world.first(read):
        _share(modules, optimizer, world)
    return found


def _share(modules: Modules, optimizer: torch.optim.Optimizer, world: World) -> None:
    """Weights and moments of rank 0 become those of all ranks, one after the other."""
    state = dict(_state(modules, optimizer)) if world.rank == 0 else {}
    names = dict(_parameters(modules))
    for key in world.first(list(state)):
        tensor = world.first_tensor(state.get(key))
        if world.rank:
            _put(names, optimizer, key, tensor)


def _read(
    path: Path, run_id: str, modules: Modules, optimizer: torch.optim.Optimizer
) -> tuple[Progress, list[Group]] | None:
    if not path.is_file():
        return None
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
            if metadata.get("run_id") != run_id:
                raise HarnessError(
                    f"{path} belongs to run {metadata.get('run_id')}, not {run_id}; start over with --fresh"
                )
            held = GROUPS.validate_json(file.get_tensor(HELD).numpy().tobytes())
            tensors = {name: file.get_tensor(name) for name in file.keys() if name != HELD}  # noqa: SIM118
            _fill(dict(_parameters(modules)), optimizer, tensors)
            progress = json.loads(metadata["progress"])
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        reason = one_line(error)[:300]
        raise HarnessError(
            f"{path} is of another version, or damaged ({reason}); start the run over with --fresh"
        ) from error
    return Progress(**progress | {"ledger": Ledger(**progress["ledger"])}), held


def journal_bytes_of(path: Path) -> int:
    """How much of the journal belongs to the checkpoint in this file."""
    with safe_open(path, "pt") as file:
        return int(json.loads(file.metadata()["progress"])["journal_bytes"])


def _parameters(modules: Modules) -> Iterator[tuple[str, torch.nn.Parameter]]:
    for kind, module in modules.items():
        for name, parameter in module.named_parameters():
            if parameter.requires_grad:
                yield f"{kind}/{name}", parameter


def _state(modules: Modules, optimizer: torch.optim.Optimizer) -> Iterator[tuple[str, Tensor]]:
    for name, parameter in _parameters(modules):
        yield f"weight/{name}", parameter
        for key, value in optimizer.state.get(parameter, {}).items():
            tensor = torch.as_tensor(value)  # bitsandbytes counts its steps in an int, and shares its tables
            yield f"{key}/{name}", tensor.clone() if key.startswith("qmap") else tensor


def _fill(names: dict[str, torch.nn.Parameter], optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    if {key for key in tensors if key.startswith("weight/")} != {f"weight/{name}" for name in names}:
        raise KeyError("its parameters are not the run's")
    for key, tensor in tensors.items():
        _put(names, optimizer, key, tensor)


@torch.no_grad()
def _put(names: dict[str, torch.nn.Parameter], optimizer: torch.optim.Optimizer, key: str, tensor: Tensor) -> None:
    kind, name = key.split("/", 1)
    parameter = names[name]
    if kind == "weight":
        parameter.copy_(tensor)
    elif kind == "step":
        optimizer.state[parameter][kind] = tensor if tensor.is_floating_point() else int(tensor)
    else:
        optimizer.state[parameter][kind] = tensor.to(parameter.device)
